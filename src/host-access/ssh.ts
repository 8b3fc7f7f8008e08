import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { outsideError } from '../io/errors.ts';
import { poll } from '../io/wait-until.ts';
import type { Transport } from '../plan/build-plan.ts';
import { ControlMaster } from './ssh-master.ts';

export type SshTarget = {
  readonly instanceId: string;
  readonly address: string;
  readonly user: string;
  readonly keyFile: string;
  readonly transport: Transport;
  readonly apiRegion: string;
};

export type RemoteResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
};

export type RunOptions = {
  readonly timeoutMs?: number;
  readonly input?: string;
  /** A file of this machine as the command's input. */
  readonly inputFile?: string;
  readonly onLine?: (line: string) => void;
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
};

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 64 * 1024 * 1024;
/** ssh's own exit code for "the connection failed", which no command that smoke runs uses. */
const SSH_FAILED = 255;

/** Pure: options of every ssh call. Nothing of the user's own ssh configuration takes part. */
export function sshOptions(target: SshTarget, folder: string): string[] {
  const options = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    `IdentityFile=${target.keyFile}`,
    // The host key is new with every instance; it is taken once, and must not change from then on.
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile=${join(folder, 'known_hosts')}`,
    'ConnectTimeout=5',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=4',
    'LogLevel=ERROR',
  ];
  if (target.transport === 'session-manager') {
    options.push(
      `ProxyCommand=aws ssm start-session --region ${target.apiRegion} --target ${target.instanceId} --document-name AWS-StartSSHSession --parameters portNumber=%p`,
    );
  }
  return ['-F', '/dev/null', ...options.flatMap((option) => ['-o', option])];
}

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

const CONTROL = 'control';
/** Room for the path of a unix socket, less what ssh appends while it makes one. */
const MAX_SOCKET_PATH = 107 - 18;

/** Beside the key in the run folder; only where that path is too long for a socket, in the temporary folder. */
async function controlFolder({ keyFile, instanceId }: SshTarget): Promise<string> {
  const folder = join(dirname(keyFile), instanceId);
  if (join(folder, CONTROL).length > MAX_SOCKET_PATH) return mkdtemp(join(tmpdir(), 'ecs-host-ssh-'));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** A command as an error names it. */
function short(command: string): string {
  return command.length > 80 ? `${command.slice(0, 79)}…` : command;
}

function inputOf(input: string | undefined, inputFile: string | undefined) {
  if (inputFile !== undefined) return { inputFile };
  return input === undefined ? { stdin: 'ignore' as const } : { input };
}

class SshConnection implements Ssh {
  readonly target: SshTarget;
  readonly #master: ControlMaster;
  readonly #folder: string;
  readonly #signal: AbortSignal;

  constructor(target: SshTarget, master: ControlMaster, folder: string, signal: AbortSignal) {
    this.target = target;
    this.#master = master;
    this.#folder = folder;
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

  async #call(command: string, { timeoutMs = DEFAULT_TIMEOUT_MS, input, inputFile, onLine }: RunOptions) {
    const child = execa('ssh', this.#master.call([], [command]), {
      reject: false,
      all: true,
      stripFinalNewline: false,
      maxBuffer: MAX_OUTPUT,
      ...inputOf(input, inputFile),
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

  async forwardToHere(remotePort: number, localPort: number): Promise<void> {
    const forward = `127.0.0.1:${remotePort}:127.0.0.1:${localPort}`;
    const { exitCode, stderr } = await this.#master.ask('forward', ['-R', forward]);
    if (exitCode === 0) return;
    throw outsideError(
      'SSH_FORWARD',
      `Port ${remotePort} on ${this.target.instanceId} could not be forwarded.`,
      undefined,
      stderr,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#master[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** `user@where`: under Session Manager the proxy finds the instance by its id. */
function destinationOf({ user, transport, address, instanceId }: SshTarget): string {
  return `${user}@${transport === 'ssh' ? address : instanceId}`;
}

/**
 * Waits until ssh lets us in and keeps one connection open that all later commands share.
 *
 * @throws EcsHostError `SSH_UNREACHABLE` (outside) with what ssh said last; the signal's reason when aborted
 */
export async function connectSsh(target: SshTarget, options: { timeoutMs: number; signal: AbortSignal }): Promise<Ssh> {
  const folder = await controlFolder(target);
  const destination = destinationOf(target);
  const master = new ControlMaster(sshOptions(target, folder), join(folder, CONTROL), destination);
  let lastReason = 'the port did not answer';
  const attempt = async (): Promise<true | null> => {
    if (target.transport === 'ssh' && !(await portAnswers(target.address, 22, 1000))) return null;
    const problem = await master.start();
    if (problem === null) return true;
    lastReason = problem;
    // A host key taken from a boot that was not done yet would refuse the real one.
    await rm(join(folder, 'known_hosts'), { force: true });
    return null;
  };
  try {
    if ((await poll(attempt, { ...options, intervalMs: 250 })) === null)
      throw outsideError('SSH_UNREACHABLE', `No ssh to ${target.instanceId} (${destination}): ${lastReason}.`);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return new SshConnection(target, master, folder, options.signal);
}
