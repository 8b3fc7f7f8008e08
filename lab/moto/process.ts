import { spawn } from 'node:child_process';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MotoClient } from './client.ts';
import { createMotoClient } from './client.ts';

export type Moto = {
  readonly client: MotoClient;
  readonly pid: number;
  /** What became of the memory on disk: `fresh`, `loaded`, or `unreadable: ...`. */
  readonly loaded: string;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<string>;
  /** Saves and ends. */
  stop(): Promise<void>;
};

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;

/** The Python that has moto in it; `make setup` makes it. */
export function pythonOf(cache: string): string {
  return join(cache, 'venv', 'bin', 'python');
}

/**
 * Starts moto on a unix socket and waits until it answers.
 *
 * @throws Error when the virtual environment is missing, or moto ends or does not answer within a minute
 */
export async function startMoto(options: {
  readonly cache: string;
  readonly socket: string;
  readonly store: string;
  readonly onLine: (line: string) => void;
}): Promise<Moto> {
  const python = pythonOf(options.cache);
  await access(python).catch(() => {
    throw new Error(`moto is not installed (${python} is missing): run \`make setup\``);
  });
  await rm(options.socket, { force: true });
  const child = spawn(
    python,
    [join(import.meta.dirname, 'server.py'), '--socket', options.socket, '--store', options.store],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Compiling takes seconds, so it is kept; but neither in the checkout nor in the environment, which may be
      // read-only.
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: '',
        PYTHONPYCACHEPREFIX: join(options.cache, 'pycache'),
        PYTHONUNBUFFERED: '1',
      },
    },
  );
  let tail = '';
  const take = (chunk: Buffer): void => {
    tail = (tail + chunk.toString('utf8')).slice(-4000);
    for (const line of chunk.toString('utf8').split('\n')) if (line.trim() !== '') options.onLine(`moto: ${line}`);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const ended = new Promise<string>((resolve) => {
    child.on('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
    child.on('error', (error) => resolve(error.message));
  });
  let how: string | null = null;
  // Never rejects: an error is a way to end.
  void ended.then((reason) => {
    how = reason;
  });

  const client = createMotoClient(options.socket);
  const limit = Date.now() + START_LIMIT_MS;
  let loaded: string | null = null;
  while (loaded === null) {
    if (how !== null) throw new Error(`moto ended at its start (${how}):\n${tail}`);
    if (Date.now() > limit) {
      child.kill('SIGKILL');
      throw new Error(`moto did not answer for ${START_LIMIT_MS / 1000} s:\n${tail}`);
    }
    await sleep(30);
    loaded = await client.control<{ loaded: string }>('ready').then(
      (answer) => answer.loaded,
      () => null,
    );
  }
  return {
    client,
    pid: child.pid ?? 0,
    loaded,
    ended,
    stop: async () => {
      client.close();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
