import { textWidth } from '../text.ts';

/** What a terminal has to offer; a test brings its own. */
export type TerminalStream = NodeJS.WritableStream & {
  readonly columns?: number;
  readonly rows?: number;
};

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

const CLEAR_REST = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

function up(rows: number): string {
  return rows === 0 ? '' : `\u001b[${rows}A\r`;
}

/**
 * The last lines of a terminal, drawn again and again, below lines that stay. All of a drawing is one write, so nothing
 * flickers, and the cursor rests at the beginning of the line below, so whatever else writes does no harm.
 */
export class LiveArea {
  readonly #out: TerminalStream;
  #shown: readonly string[] = [];
  readonly #showCursor = (): void => void this.#out.write(SHOW_CURSOR);

  constructor(out: TerminalStream) {
    this.#out = out;
  }

  get columns(): number {
    return this.#out.columns || 80;
  }

  /** How many lines may be live: with more than the terminal has, the upper ones could not be reached again. */
  get most(): number {
    return Math.max(1, (this.#out.rows || 24) - 2);
  }

  /**
   * Writes `kept` for good, and below it `live` in place of what was live before. Live lines are narrower than the
   * terminal.
   */
  draw(kept: readonly string[], live: readonly string[]): void {
    const isSame = live.length === this.#shown.length && live.every((line, at) => line === this.#shown[at]);
    if (kept.length === 0 && isSame) return;
    const rows = this.#shownRows();
    const lines = [...kept, ...live];
    // Over the old ones, not after clearing: a terminal that is cleared from its top on puts what it showed into its
    // history.
    const text = lines.map((line) => this.#overwritten(line)).join('');
    this.#out.write(this.#cursorFor(live.length > 0) + up(rows) + text + (rows > lines.length ? CLEAR_BELOW : ''));
    this.#shown = live;
  }

  /** In the last column the cursor still stands on the character that it wrote, and would clear it. */
  #overwritten(line: string): string {
    const isFull = textWidth(line) % this.columns === 0;
    return `${CLEAR_REST}${line}${isFull ? '' : CLEAR_REST}\n`;
  }

  /** A narrower terminal has broken the lines that were there. */
  #shownRows(): number {
    return this.#shown.reduce((rows, line) => rows + Math.max(1, Math.ceil(textWidth(line) / this.columns)), 0);
  }

  #cursorFor(isLive: boolean): string {
    if (isLive === this.#shown.length > 0) return '';
    // However the process ends, the terminal gets its cursor back.
    if (isLive) process.once('exit', this.#showCursor);
    else process.off('exit', this.#showCursor);
    return isLive ? HIDE_CURSOR : SHOW_CURSOR;
  }
}
