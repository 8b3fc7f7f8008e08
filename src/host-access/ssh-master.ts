import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { execa } from 'execa';
import { poll } from '../io/wait-until.ts';

const EXIT_LIMIT_MS = 5000;
const KILL_AFTER_MS = 2000;

/**
 * One OpenSSH connection (`ControlMaster`) that all calls to an instance share: a command then costs milliseconds
 * instead of a key exchange. OpenSSH and not the package ssh2, because the same connection has to go through Session
 * Manager (`ProxyCommand`) and forward ports, and because a person can repeat every call by hand.
 */
export class ControlMaster implements AsyncDisposable {
  readonly #options: readonly string[];
  readonly #socket: string;
  readonly #destination: string;
  readonly #ended = Promise.withResolvers<string>();
  #process: ChildProcess | null = null;

  constructor(options: readonly string[], socket: string, destination: string) {
    this.#options = options;
    this.#socket = socket;
    this.#destination = destination;
  }

  /** Options by which a call of ssh takes this connection. */
  get shared(): readonly string[] {
    return [...this.#options, '-S', this.#socket];
  }

  /** Resolves with what ssh said when a connection that was there has ended. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** The arguments of one call of ssh: our options, those of the call, where to, and what to do there. */
  call(options: readonly string[], command: readonly string[] = []): string[] {
    return [...this.shared, ...options, this.#destination, ...command];
  }

  /** Asks the process that holds the connection (`ssh -O`). */
  async ask(
    what: 'check' | 'exit' | 'forward',
    options: readonly string[] = [],
    timeout = 0,
  ): Promise<{ readonly exitCode: number | undefined; readonly stderr: string }> {
    const words = this.call(['-O', what, ...options]);
    const { exitCode, stderr } = await execa('ssh', words, { reject: false, stdin: 'ignore', timeout });
    return { exitCode, stderr };
  }

  /** One attempt. @returns null when the connection is there, else what ssh said */
  async start(): Promise<string | null> {
    // It must not outlive this program, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', 'ssh', ...this.call(['-M', '-N'])], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await once(child, 'spawn');
    child.once('close', () => {
      if (this.#process === child) this.#ended.resolve(said.trim());
    });
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const look = async (): Promise<'up' | 'over' | null> => {
      if ((await this.ask('check')).exitCode === 0) return 'up';
      return isOver() ? 'over' : null;
    };
    // Without a limit of its own: ssh has one (ConnectTimeout).
    if ((await poll(look, { timeoutMs: Number.POSITIVE_INFINITY, intervalMs: 100 })) !== 'up') return said.trim();
    this.#process = child;
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    await this.ask('exit', [], EXIT_LIMIT_MS);
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    await ended;
    clearTimeout(timer);
  }
}
