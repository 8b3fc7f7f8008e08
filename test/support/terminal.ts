import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectFolder } from '../../src/io/paths.ts';

/** A command in a real terminal, with somebody at the keys. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #shown = '';

  constructor(words: readonly string[], environment: Readonly<Record<string, string | undefined>> = process.env) {
    const program = join(projectFolder(), 'test', 'support', 'terminal.py');
    this.#child = spawn('python3', [program, ...words], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
    });
    this.#ended = once(this.#child, 'close').then(([code]) => Number(code));
  }

  get shown(): string {
    return this.#shown;
  }

  type(text: string): void {
    this.#order({ type: text });
  }

  resize(rows: number, columns: number): void {
    this.#order({ resize: [rows, columns] });
  }

  #order(order: object): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Waits until the screen has shown it. */
  async untilShown(pattern: RegExp, timeoutMs = 30_000): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!pattern.test(this.#shown)) {
      if (performance.now() > until) throw new Error(`never shown: ${pattern}\n${this.#shown}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  ended(): Promise<number> {
    return this.#ended;
  }
}
