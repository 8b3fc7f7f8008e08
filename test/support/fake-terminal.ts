import { Writable } from 'node:stream';
import { textWidth } from '../../src/io/text.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's own language.
const TOKEN = /\u001b\[(\??\d*)([A-Za-z])|[\r\n]|[^\r\n\u001b]+/g;

/**
 * A terminal in memory that knows what the reporter writes: text with colours, ends of lines, up, clearing, the cursor
 * shown or hidden. `lines` is all that can be seen, with what has scrolled away.
 */
export class FakeTerminal extends Writable {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  readonly lines: string[] = [''];
  isCursorShown = true;
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  override _write(text: string, _encoding: BufferEncoding, done: () => void): void {
    for (const [token, argument = '', letter] of text.matchAll(TOKEN)) this.#take(token, argument, letter);
    done();
  }

  /** After the terminal itself has moved what it shows. */
  moveTo(row: number): void {
    this.#row = row;
  }

  /** As a person sees it; the empty line that the cursor rests in is left out. */
  get screen(): string {
    return this.lines.join('\n').trimEnd();
  }

  #take(token: string, argument: string, letter: string | undefined): void {
    if (letter === 'A') this.#row = Math.max(0, this.#row - Number(argument || 1));
    else if (letter === 'J') this.lines.splice(this.#row, this.lines.length, '');
    else if (letter === 'K')
      this.lines[this.#row] = (this.lines[this.#row] ?? '').slice(0, Math.min(this.#column, this.columns - 1));
    else if (argument === '?25') this.isCursorShown = letter === 'h';
    else if (letter === 'm') return;
    else if (letter !== undefined) throw new Error(`the fake terminal does not know ${JSON.stringify(token)}`);
    else if (token === '\n') {
      this.#newLine();
    } else if (token === '\r') this.#column = 0;
    else this.#print(token);
  }

  #newLine(): void {
    this.#row += 1;
    this.#column = 0;
    this.lines[this.#row] ??= '';
  }

  /** A line that is too long goes on in the next one. Every character here takes one cell. */
  #print(text: string): void {
    for (const character of text) {
      if (this.#column + textWidth(character) > this.columns) this.#newLine();
      const line = this.lines[this.#row] ?? '';
      this.lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
      this.#column += 1;
    }
  }
}
