import { appendFileSync } from 'node:fs';
import { printable } from '#contracts/printable.ts';

/** Everything that a run did, appended to a file: events, and each command with what it printed. */
export class RunLog {
  readonly path: string;
  /** Why the file is not complete, once there is a reason. */
  trouble: string | null = null;

  constructor(path: string) {
    this.path = path;
  }

  line(text: string): void {
    this.#append(`${new Date().toISOString()} ${printable(text, 4000)}\n`);
  }

  /** Several lines of a tool, each marked. */
  output(text: string): void {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 0) this.#append(lines.map((line) => `    ${printable(line, 4000)}\n`).join(''));
  }

  #append(text: string): void {
    try {
      appendFileSync(this.path, text, { mode: 0o640 });
    } catch (error) {
      // A full disk ends the run by itself, and its reason is on the screen.
      this.trouble ??= (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }
}
