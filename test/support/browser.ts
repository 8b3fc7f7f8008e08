/** A real Chromium, driven by its own debugging protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../src/io/programs.ts';
import { poll } from '../../src/io/wait-until.ts';

const START_MS = 30_000;

/** The path of Chromium or Chrome, or null when there is none. */
export async function findBrowser(): Promise<string | null> {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const path = await findProgram(name);
    if (path !== null) return path;
  }
  return null;
}

type Answer = { readonly id: number; readonly result?: Record<string, unknown>; readonly error?: { message: string } };

/** One page. */
export class Tab {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    };
  }

  async ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? {};
  }

  async go(url: string): Promise<void> {
    await this.ask('Page.navigate', { url });
  }

  /** The value of an expression in the page; promises are awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', params);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** The visible text. */
  text(): Promise<string> {
    return this.evaluate('document.body?.innerText ?? ""');
  }
}

export type Browser = AsyncDisposable & { tab(): Promise<Tab> };

/** @param profile an empty folder */
export async function startBrowser(path: string, profile: string): Promise<Browser> {
  // biome-ignore format: one option a line says less.
  const fixed = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
    '--disable-extensions', '--mute-audio', '--disable-background-networking', '--window-size=1000,800',
    '--remote-debugging-port=0', `--user-data-dir=${profile}`,
  ];
  const child: ChildProcess = spawn(path, [...fixed, 'about:blank'], {
    stdio: 'ignore',
    // It leaves folders behind, which go with the profile.
    env: { ...process.env, TMPDIR: profile },
  });
  const ended = once(child, 'exit');
  const port = await poll(
    async () => (await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '')).split('\n')[0] || null,
    { timeoutMs: START_MS, intervalMs: 50 },
  );
  return {
    tab: async () => {
      const response = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: 'PUT' });
      const { webSocketDebuggerUrl } = (await response.json()) as { webSocketDebuggerUrl: string };
      const socket = new WebSocket(webSocketDebuggerUrl);
      await once(socket, 'open');
      return new Tab(socket);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
