import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { outsideError } from '../io/errors.ts';
import { poll } from '../io/wait-until.ts';
import { CONTROL, makeControlFolder } from './control-folder.ts';
import { type HandedOver, handOver } from './hand-over.ts';
import { ControlMaster } from './ssh-master.ts';
import { destinationOf, type KnownHosts, type SshTarget, sshOptions } from './ssh-options.ts';

export type RemoteResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
};

/** Bytes of a file of this machine from `start` on, without the one at `end`. */
export type FilePart = { readonly path: string; readonly start: number; readonly end: number };

export type RunOptions = {
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
  /** A file of this machine as the command's input. */
  readonly inputFile?: string;
  readonly inputPart?: FilePart;
  readonly onLine?: (line: string) => void;
  /** One character a byte, for output that need not be text. */
  readonly encoding?: 'latin1';
};

export type Ssh = AsyncDisposable & {
  readonly target: SshTarget;
  /**
   * Runs a shell command on the instance; its exit code is an answer, not an error.
   *
   * @throws EcsHostError `SSH_LOST` (outside) when the connection broke, `SSH_TIMEOUT` (outside) when it took too long
   */
  run(command: string, options?: RunOptions): Promise<RemoteResult>;
  /**
   * Makes 127.0.0.1:`remotePort` on the instance lead to 127.0.0.1:`localPort` here, until the connection ends.
   *
   * @throws EcsHostError `SSH_FORWARD` (outside)
   */
  forwardToHere(remotePort: number, localPort: number): Promise<void>;
  /**
   * Another connection to the same instance, which has to show the same host key.
   *
   * @throws EcsHostError `SSH_UNREACHABLE` (outside)
   */
  another(): Promise<Ssh>;
};

/** What a person's own host is used for beyond commands. */
export type OpenSsh = Ssh & {
  /**
   * Makes 127.0.0.1:`localPort` here lead to 127.0.0.1:`remotePort` there.
   *
   * @throws EcsHostError `SSH_FORWARD` (outside)
   */
  forwardToThere(localPort: number, remotePort: number): Promise<void>;
  /** Gives a command this program's stdin, stdout and stderr. @throws EcsHostError `SSH_LOST` (outside) */
  handOver(command: string, options: { readonly isTerminal: boolean }): Promise<HandedOver>;
  /** Program and options that other programs (rsync) reach the host by, over this connection. */
  readonly remoteShell: readonly string[];
  /** `user@where`, as they name it. */
  readonly destination: string;
  /** Resolves with what ssh said when the connection has ended, by whomever. */
  readonly ended: Promise<string>;
};

/** Of a command; what a busy machine does to the clock is no failure. */
const DEFAULT_TIMEOUT_MS = 180_000;
/** Until an instance that lets us in does so again. */
const ANOTHER_MS = 60_000;
const MAX_OUTPUT = 64 * 1024 * 1024;
/** ssh's own exit code for "the connection failed", which no command that smoke runs uses. */
const SSH_FAILED = 255;

function portAnswers(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const done = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(timeoutMs, () => done(false));
    socket.once('error', () => done(false));
    socket.once('data', () => done(true));
  });
}

/**
 * The result of `work`, unless `stop` fires first. A client of a shared connection hands its output streams to the
 * connection, which keeps them open until the remote command ends; waiting for them would make every interruption as
 * long as the command.
 */
async function raceAgainst<T>(work: Promise<T>, stop: AbortSignal, onStop: () => void): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const listener = (): void => {
    onStop();
    stopped.reject(stop.reason);
  };
  stop.addEventListener('abort', listener, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    stop.removeEventListener('abort', listener);
    stopped.promise.catch(() => undefined);
  }
}

/** A command as an error names it. */
function short(command: string): string {
  return command.length > 80 ? `${command.slice(0, 79)}…` : command;
}

function inputOf({ input, inputFile, inputPart }: RunOptions) {
  if (inputFile !== undefined) return { inputFile };
  if (inputPart !== undefined) {
    // The stream counts the byte at `end` as well.
    const { path, start, end } = inputPart;
    return { input: createReadStream(path, { start, end: end - 1 }) };
  }
  return input === undefined ? { stdin: 'ignore' as const } : { input };
}

type Made = { readonly folder: string; readonly knownHosts: KnownHosts; readonly signal: AbortSignal };

class SshConnection implements OpenSsh {
  readonly target: SshTarget;
  readonly #master: ControlMaster;
  readonly #folder: string;
  readonly #knownHosts: KnownHosts;
  readonly #signal: AbortSignal;

  constructor(target: SshTarget, master: ControlMaster, { folder, knownHosts, signal }: Made) {
    this.target = target;
    this.#master = master;
    this.#folder = folder;
    this.#knownHosts = knownHosts;
    this.#signal = signal;
  }

  async run(command: string, options: RunOptions = {}): Promise<RemoteResult> {
    this.#signal.throwIfAborted();
    const startedAt = performance.now();
    const { exitCode, stdout, stderr } = await this.#call(command, options);
    if (exitCode === SSH_FAILED || exitCode === undefined) {
      throw outsideError(
        'SSH_LOST',
        `The connection to ${this.target.instanceId} broke in: ${short(command)}`,
        undefined,
        String(stderr),
      );
    }
    return { exitCode, stdout: String(stdout), stderr: String(stderr), durationMs: performance.now() - startedAt };
  }

  async #call(command: string, options: RunOptions) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, onLine, encoding = 'utf8' } = options;
    const child = execa('ssh', this.#master.call([], [command]), {
      reject: false,
      all: true,
      stripFinalNewline: false,
      encoding,
      maxBuffer: MAX_OUTPUT,
      ...inputOf(options),
    });
    const follow = async (): Promise<void> => {
      if (onLine) for await (const line of child.iterable({ from: 'all' })) onLine(String(line));
    };
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const stop = AbortSignal.any([this.#signal, limit]);
      const [result] = await raceAgainst(Promise.all([child, follow()]), stop, () => child.kill('SIGKILL'));
      return result;
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!limit.aborted) throw error;
      throw outsideError(
        'SSH_TIMEOUT',
        `On ${this.target.instanceId}, within ${timeoutMs} ms not done: ${short(command)}`,
      );
    }
  }

  forwardToHere(remotePort: number, localPort: number): Promise<void> {
    return this.#forward(remotePort, ['-R', `127.0.0.1:${remotePort}:127.0.0.1:${localPort}`]);
  }

  forwardToThere(localPort: number, remotePort: number): Promise<void> {
    return this.#forward(remotePort, ['-L', `127.0.0.1:${localPort}:127.0.0.1:${remotePort}`]);
  }

  async #forward(remotePort: number, options: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.#master.ask('forward', options);
    if (exitCode === 0) return;
    throw outsideError(
      'SSH_FORWARD',
      `Port ${remotePort} on ${this.target.instanceId} could not be forwarded.`,
      undefined,
      stderr,
    );
  }

  async another(): Promise<Ssh> {
    const folder = await makeControlFolder(this.target.keyFile);
    const made = { folder, knownHosts: this.#knownHosts, signal: this.#signal };
    const refusalOf = (said: string): Error | null =>
      said.includes('Host key verification failed')
        ? outsideError('SSH_UNREACHABLE', `${this.target.instanceId} shows another host key than before.`)
        : null;
    return connectBy(this.target, made, { timeoutMs: ANOTHER_MS, refusalOf });
  }

  handOver(command: string, { isTerminal }: { readonly isTerminal: boolean }): Promise<HandedOver> {
    return handOver(this.#master, { command, isTerminal }, (aside) => this.run(aside, { timeoutMs: 5000 }));
  }

  get remoteShell(): readonly string[] {
    return ['ssh', ...this.#master.shared];
  }

  get destination(): string {
    return destinationOf(this.target);
  }

  get ended(): Promise<string> {
    return this.#master.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#master[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export type ConnectOptions = {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Where its host key is remembered by its instance id; without it, each connection takes the key anew. */
  readonly knownHosts?: string;
  /** Why it is of no use to try again after what ssh said, such as a key that is not let in. */
  readonly refusalOf?: (said: string) => Error | null;
};

/**
 * Between attempts. Under Session Manager each one is a session that AWS counts and logs, and an agent that is not
 * there yet comes seconds after sshd.
 */
const PAUSES = {
  ssh: { intervalMs: 250 },
  'session-manager': { intervalMs: 500, growth: 1.5, maxIntervalMs: 8000 },
} as const;

type Attempts = Pick<ConnectOptions, 'timeoutMs' | 'refusalOf'> & {
  /** Done between attempts, for what the last one left. */
  readonly forget?: () => Promise<void>;
};

async function connectBy(target: SshTarget, made: Made, attempts: Attempts): Promise<OpenSsh> {
  const { folder, knownHosts, signal } = made;
  const { timeoutMs, refusalOf = () => null, forget = async () => {} } = attempts;
  const destination = destinationOf(target);
  const master = new ControlMaster(sshOptions(target, knownHosts), join(folder, CONTROL), destination);
  let lastReason = 'the port did not answer';
  const attempt = async (): Promise<true | null> => {
    if (target.transport === 'ssh' && !(await portAnswers(target.address, 22, 1000))) return null;
    const problem = await master.start();
    if (problem === null) return true;
    lastReason = problem;
    const refusal = refusalOf(problem);
    if (refusal !== null) throw refusal;
    await forget();
    return null;
  };
  try {
    if ((await poll(attempt, { timeoutMs, signal, ...PAUSES[target.transport] })) === null)
      throw outsideError('SSH_UNREACHABLE', `No ssh to ${target.instanceId} (${destination}): ${lastReason}.`);
  } catch (error) {
    await master[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return new SshConnection(target, master, made);
}

/**
 * Waits until ssh lets us in and keeps one connection open that all later commands share.
 *
 * @throws EcsHostError `SSH_UNREACHABLE` (outside) with what ssh said last, or what `refusalOf` makes of it; the
 *   signal's reason when aborted
 */
export async function connectSsh(target: SshTarget, options: ConnectOptions): Promise<OpenSsh> {
  const { signal, knownHosts: lasting, ...attempts } = options;
  const folder = await makeControlFolder(target.keyFile);
  if (lasting !== undefined) {
    const knownHosts = { file: lasting, alias: target.instanceId };
    return connectBy(target, { folder, knownHosts, signal }, attempts);
  }
  const file = join(folder, 'known_hosts');
  // A host key taken from a boot that was not done yet would refuse the real one.
  const forget = (): Promise<void> => rm(file, { force: true });
  return connectBy(target, { folder, knownHosts: { file, alias: null }, signal }, { ...attempts, forget });
}
