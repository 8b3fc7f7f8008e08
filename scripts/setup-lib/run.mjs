import { spawn } from 'node:child_process';
import { SetupError } from './errors.mjs';

/** How long a command may take to stop by itself; apt and a password prompt have all the time they want. */
const GRACE_MS = 2_000;

/** @type {Map<import('node:child_process').ChildProcess, { patient: boolean }>} */
const running = new Map();
let stopping = false;

/**
 * Asks whatever runs now to stop; for the signal handlers. A command that fails from then on is an interruption, not a
 * failure.
 *
 * @param {NodeJS.Signals} signal
 */
export function stopChildren(signal) {
  stopping = true;
  for (const [child, { patient }] of running) {
    child.kill(signal);
    if (!patient) setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  }
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] added to this process's
 * @property {(line: string) => void} [onLine] each line of stdout and stderr
 * @property {boolean} [terminal] the child owns the terminal (a password prompt)
 * @property {boolean} [patient] never killed: it would leave something half done
 */

/**
 * Runs a command to its end. Never rejects for an exit code.
 *
 * @param {readonly string[]} command
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, output: string, missing: boolean }>}
 */
export function run(command, options = {}) {
  return new Promise((resolve) => {
    const [file = '', ...args] = command;
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: options.terminal ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    running.set(child, { patient: Boolean(options.patient || options.terminal) });
    let stdout = '';
    let output = '';
    let rest = '';
    /** @param {Buffer} chunk */
    const take = (chunk) => {
      output += chunk;
      const lines = (rest + chunk).split(/[\r\n]+/);
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') options.onLine?.(line);
    };
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
      take(chunk);
    });
    child.stderr?.on('data', take);
    child.on('error', (error) => {
      running.delete(child);
      resolve({ code: null, signal: null, stdout, output: `${error.message}\n${output}`, missing: true });
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, output, missing: false });
    });
  });
}

/**
 * Runs a command that has to succeed.
 *
 * @param {readonly string[]} command
 * @param {{ failure: string, hint?: string } & RunOptions} options
 */
export async function must(command, options) {
  const result = await run(command, options);
  if (result.code === 0) return result;
  if (stopping) throw new Error('interrupted');
  const ended = result.missing ? 'could not be started' : `ended with ${result.signal ?? `exit code ${result.code}`}`;
  throw new SetupError('outside', options.failure, {
    where: `${command.join(' ')} ${ended}`,
    output: result.output,
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  });
}
