import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { outsideError } from '../io/errors.ts';
import { waitUntil } from '../io/wait-until.ts';
import type { Transport } from '../plan/build-plan.ts';

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
  /** Makes 127.0.0.1:`remotePort` on the instance lead to 127.0.0.1:`localPort` here, until the connection ends. */
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

/** One attempt: a master connection that the later calls share, or the reason why there is none. */
async function startMaster(base: string[], destination: string, control: string): Promise<ChildProcess | string> {
  // The master must not outlive this program, however that ends.
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'TERM', '--', 'ssh', ...base, '-M', '-N', '-S', control, destination],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    },
  );
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit').then(() => true as const);
  for (;;) {
    const check = await execa('ssh', [...base, '-S', control, '-O', 'check', destination], {
      reject: false,
      stdin: 'ignore',
    });
    if (check.exitCode === 0) return child;
    const isOver = await Promise.race([ended, new Promise<false>((resolve) => setTimeout(resolve, 100, false))]);
    if (isOver) return said.trim();
  }
}

/**
 * The result of `work`, unless `stop` fires first. A client of a shared connection hands its output streams to the connection, which keeps them
 * open until the remote command ends; waiting for them would make every interruption as long as the command.
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

/**
 * Waits until ssh lets us in and keeps one connection open that all later commands share.
 *
 * @throws EcsHostError `SMOKE_TIMEOUT` (outside)
 */
export async function connectSsh(target: SshTarget, options: { timeoutMs: number; signal: AbortSignal }): Promise<Ssh> {
  const folder = await controlFolder(target);
  const control = join(folder, CONTROL);
  const base = sshOptions(target, folder);
  const destination = `${target.user}@${target.transport === 'ssh' ? target.address : target.instanceId}`;
  let lastReason = 'the port did not answer';
  let master: ChildProcess;
  try {
    master = await waitUntil(
      `ssh to ${target.instanceId} at ${target.address}`,
      async () => {
        if (target.transport === 'ssh' && !(await portAnswers(target.address, 22, 1000))) return null;
        const attempt = await startMaster(base, destination, control);
        if (typeof attempt !== 'string') return attempt;
        lastReason = attempt;
        // A host key taken from a boot that was not done yet would refuse the real one.
        await rm(join(folder, 'known_hosts'), { force: true });
        return null;
      },
      { ...options, intervalMs: 250 },
    );
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    options.signal.throwIfAborted();
    throw outsideError(
      'SSH_UNREACHABLE',
      `No ssh to ${target.instanceId} (${destination}): ${lastReason}.`,
      undefined,
      undefined,
      error,
    );
  }
  const { signal } = options;

  const run = async (
    command: string,
    { timeoutMs = DEFAULT_TIMEOUT_MS, input, onLine }: RunOptions = {},
  ): Promise<RemoteResult> => {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const child = execa('ssh', [...base, '-S', control, destination, command], {
      reject: false,
      all: true,
      stripFinalNewline: false,
      maxBuffer: MAX_OUTPUT,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
    const follow = async (): Promise<void> => {
      if (onLine) for await (const line of child.iterable({ from: 'all' })) onLine(String(line));
    };
    const what = command.length > 80 ? `${command.slice(0, 79)}…` : command;
    const limit = AbortSignal.timeout(timeoutMs);
    const [result] = await raceAgainst(Promise.all([child, follow()]), AbortSignal.any([signal, limit]), () =>
      child.kill('SIGKILL'),
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      if (!limit.aborted) throw error;
      throw outsideError('SSH_TIMEOUT', `On ${target.instanceId}, within ${timeoutMs} ms not done: ${what}`);
    });
    if (result.exitCode === SSH_FAILED || result.exitCode === undefined) {
      throw outsideError(
        'SSH_LOST',
        `The connection to ${target.instanceId} broke in: ${what}`,
        undefined,
        String(result.stderr),
      );
    }
    return {
      exitCode: result.exitCode,
      stdout: String(result.stdout),
      stderr: String(result.stderr),
      durationMs: performance.now() - startedAt,
    };
  };

  return {
    target,
    run,
    forwardToHere: async (remotePort, localPort) => {
      const forward = `127.0.0.1:${remotePort}:127.0.0.1:${localPort}`;
      const args = [...base, '-S', control, '-O', 'forward', '-R', forward, destination];
      const result = await execa('ssh', args, { reject: false, stdin: 'ignore' });
      if (result.exitCode !== 0) {
        throw outsideError(
          'SSH_FORWARD',
          `Port ${remotePort} on ${target.instanceId} could not be forwarded.`,
          undefined,
          result.stderr,
        );
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (master.exitCode === null && master.signalCode === null) {
        const ended = once(master, 'exit');
        await execa('ssh', [...base, '-S', control, '-O', 'exit', destination], {
          reject: false,
          stdin: 'ignore',
          timeout: 5000,
        });
        const timer = setTimeout(() => master.kill('SIGKILL'), 2000);
        await ended;
        clearTimeout(timer);
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
