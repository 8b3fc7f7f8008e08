import { styleText } from 'node:util';
import { isFailed } from '#contracts/check.ts';
import { formatDuration } from '../duration.ts';
import type { Message, Reporter } from '../reporter.ts';
import { oneLine, shorten, textWidth, wrapText } from '../text.ts';
import { checkLine } from './check-line.ts';
import { formatElapsed } from './elapsed.ts';
import { LiveArea, type TerminalStream } from './live-area.ts';
import { type OpenSpan, OpenSpans, pathOf } from './spans.ts';

const FRAME_MS = 100;
/** How much of a title stays, however narrow the terminal is. */
const LEAST_TITLE = 12;
const UNICODE = { ok: '✔', failed: '✖', skipped: '↷', frames: [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'] } as const;
const ASCII = { ok: 'ok', failed: 'FAIL', skipped: 'skip', frames: [...'|/-\\'] } as const;
const COLOURS = { ok: 'green', failed: 'red', skipped: 'yellow' } as const;

/** Whether the terminal's character set has the marks. */
function hasUnicode(): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = process.env;
  return TERM !== 'linux' && /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '');
}

/** `60 correct, 12 skipped`; nothing for a stage without checks. */
function countsOf({ counts }: OpenSpan): string {
  const failed = counts.incorrect + counts.missing;
  const parts = [
    ...(counts.correct > 0 ? [`${counts.correct} correct`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/**
 * For a terminal that somebody watches. At the bottom stands what runs now, each with its clock and its newest line.
 * Above it stays what matters afterwards: stages that ended, warnings, notes, failed checks and failed steps.
 * Everything else is in the record of the image.
 */
class TerminalReporter implements Reporter {
  readonly #area: LiveArea;
  readonly #out: TerminalStream;
  readonly #marks: typeof UNICODE | typeof ASCII;
  readonly #spans = new OpenSpans();
  readonly #startedAt = performance.now();
  /** How long the whole run usually takes. */
  readonly #expectedMs: number | null;
  #timer: NodeJS.Timeout | null = null;
  #frame = 0;

  constructor(
    out: TerminalStream,
    { isUnicode, expectedMs }: { readonly isUnicode: boolean; readonly expectedMs: number | null },
  ) {
    this.#out = out;
    this.#expectedMs = expectedMs;
    this.#area = new LiveArea(out);
    this.#marks = isUnicode ? UNICODE : ASCII;
  }

  emit(message: Message): void {
    const now = performance.now();
    switch (message.type) {
      case 'span-start':
        this.#spans.open(message, now);
        this.#draw();
        break;
      case 'span-progress':
        // Drawn with the next frame: a build says more than anyone can read.
        if (this.#spans.progress(message.id, oneLine(message.text), now) === null) this.#keep(oneLine(message.text));
        break;
      case 'span-end':
        this.#end(message);
        break;
      case 'check':
        this.#spans.check(message.span, message.check, now);
        if (isFailed(message.check))
          this.#keep(this.#coloured('red', `  ${oneLine(checkLine(message.check))}`), '        ');
        break;
      case 'warning':
      case 'note':
        this.#notice(message);
        break;
    }
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.#area.draw([], []);
  }

  #end(message: Message & { type: 'span-end' }): void {
    const span = this.#spans.end(message.id, performance.now());
    if (span === null) return;
    const isFailed = message.outcome === 'failed';
    if (span.parent && (!isFailed || span.hasFailed)) {
      span.parent.hasFailed ||= isFailed;
      this.#draw();
      return;
    }
    if (span.parent) span.parent.hasFailed = true;
    const note = message.note === undefined ? '' : ` - ${message.note}`;
    const mark = this.#coloured(COLOURS[message.outcome], this.#marks[message.outcome]);
    const what = span.parent ? pathOf(span) : `${span.title}`;
    this.#keep(`${mark} ${what} ${formatDuration(message.durationMs)}${countsOf(span)}${note}`, '  ');
  }

  #notice(message: Message & { type: 'warning' | 'note' }): void {
    const isWarning = message.type === 'warning';
    const lines = wrapText(`${isWarning ? 'warning: ' : ''}${oneLine(message.text)}`, this.#area.columns, '  ');
    const hint =
      message.hint === undefined ? [] : wrapText(`  hint: ${oneLine(message.hint)}`, this.#area.columns, '    ');
    const shown = isWarning ? lines.map((line) => this.#coloured('yellow', line)) : lines;
    this.#draw([...shown, ...hint]);
  }

  #keep(text: string, indent = ''): void {
    this.#draw(wrapText(text, this.#area.columns, indent));
  }

  #coloured(colour: 'red' | 'green' | 'yellow' | 'dim', text: string): string {
    return styleText(colour, text, { stream: this.#out });
  }

  /** A line for each open span, what is inside it below it, and under what is at work its newest line. */
  #liveLines(parent: OpenSpan | null, now: number): string[] {
    const width = this.#area.columns - 1;
    return this.#spans.inside(parent).flatMap((span) => {
      const indent = '  '.repeat(span.depth);
      const mark = span.depth === 0 ? `${this.#marks.frames[this.#frame % this.#marks.frames.length]} ` : '  ';
      const time = ` ${formatElapsed(now - span.startedAt, span)}`;
      const counts = span.depth === 0 ? countsOf(span) : '';
      const inner = this.#liveLines(span, now);
      const said = inner.length > 0 || span.text === '' ? [] : [shorten(`${indent}    ${span.text.trim()}`, width)];
      return [
        fitted(`${indent}${mark}${span.title}`, time, counts, width),
        ...inner,
        ...said.map((line) => this.#coloured('dim', line)),
      ];
    });
  }

  #draw(kept: readonly string[] = []): void {
    const now = performance.now();
    const running = this.#liveLines(null, now);
    const total = running.length === 0 ? [] : this.#totalLine(now);
    const most = this.#area.most - total.length;
    const shown = running.length > most ? [...running.slice(0, most - 1), '  …'] : running;
    const live = [...shown, ...total];
    this.#area.draw(kept, live);
    if (live.length > 0) this.#timer ??= setInterval(() => this.#tick(), FRAME_MS).unref();
    else if (this.#timer) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  /** Below what runs: how far the whole run is. Nothing when none has ended well here before. */
  #totalLine(now: number): string[] {
    if (this.#expectedMs === null) return [];
    const time = formatElapsed(now - this.#startedAt, { expectedMs: this.#expectedMs, limitMs: null });
    return [this.#coloured('dim', shorten(`  in all ${time}`, this.#area.columns - 1))];
  }

  #tick(): void {
    this.#frame += 1;
    this.#draw();
  }
}

/** In a narrow terminal a title is shortened before its clock is, and what was counted goes first. */
function fitted(title: string, time: string, counts: string, width: number): string {
  const room = width - textWidth(time);
  const line = `${shorten(title, Math.max(LEAST_TITLE, room))}${time}`;
  return shorten(textWidth(line + counts) > width ? line : line + counts, width);
}

/** @param options.expectedMs how long all of it usually takes, or null */
export function terminalReporter(
  out: TerminalStream = process.stderr,
  options: { readonly isUnicode?: boolean; readonly expectedMs?: number | null } = {},
): Reporter {
  return new TerminalReporter(out, {
    isUnicode: options.isUnicode ?? hasUnicode(),
    expectedMs: options.expectedMs ?? null,
  });
}
