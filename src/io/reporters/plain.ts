import { formatClock, formatDuration } from '../duration.ts';
import type { Message, Reporter } from '../reporter.ts';
import { checkLine } from './check-line.ts';
import { formatElapsed, roundAbout } from './elapsed.ts';
import { type OpenSpan, OpenSpans } from './spans.ts';

const MARKS = { ok: 'ok  ', failed: 'FAIL', skipped: 'skip' } as const;
/** A wait that says nothing for so long gets a line, so that a log shows that it lives. */
const SILENCE_MS = 30_000;
const LOOK_MS = 1_000;

/** A step that takes longer says so when it begins. */
const LONG_MS = 10_000;

/** `still waiting for ssh, 1 min 30 s of at most 10 min`. */
function stillLine(span: OpenSpan, now: number): string {
  const { title, startedAt } = span;
  const what = title.startsWith('wait for ') ? `waiting for ${title.slice('wait for '.length)}` : `at it (${title})`;
  return `still ${what}, ${formatElapsed(now - startedAt, span)}`;
}

/** `..    bake, about 35 s`. */
function startLine({ title, expectedMs }: OpenSpan): string {
  const isLong = expectedMs !== null && expectedMs > LONG_MS;
  return `..    ${title}${isLong ? `, about ${formatClock(roundAbout(expectedMs))}` : ''}`;
}

/**
 * Lines for a log that nobody scrolls back in: what started, what ended and how long it took, what still runs. Indented
 * by depth.
 */
class PlainReporter implements Reporter {
  readonly #out: NodeJS.WritableStream;
  readonly #spans = new OpenSpans();
  readonly #timer: NodeJS.Timeout;

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
    this.#timer = setInterval(() => this.#showSilent(performance.now()), LOOK_MS).unref();
  }

  emit(message: Message): void {
    const now = performance.now();
    switch (message.type) {
      case 'span-start': {
        const span = this.#spans.open(message, now);
        this.#line(span.depth, startLine(span));
        break;
      }
      case 'span-progress': {
        const span = this.#spans.progress(message.id, message.text, now);
        if (span) this.#line(span.depth + 1, `      ${message.text}`);
        break;
      }
      case 'span-end': {
        const span = this.#spans.end(message.id, now);
        if (span === null) break;
        const note = message.note === undefined ? '' : ` - ${message.note}`;
        this.#line(
          span.depth,
          `${MARKS[message.outcome]}  ${span.title} (${formatDuration(message.durationMs)})${note}`,
        );
        break;
      }
      case 'check':
        this.#spans.check(message.span, message.check, now);
        this.#line((this.#spans.get(message.span)?.depth ?? -1) + 1, checkLine(message.check));
        break;
      case 'note':
      case 'warning':
        this.#line(0, `${message.type === 'warning' ? 'warning: ' : ''}${message.text}`);
        if (message.hint !== undefined) this.#line(1, `hint: ${message.hint}`);
        break;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  /** The clock of a log. */
  #showSilent(now: number): void {
    for (const span of this.#spans.leaves()) {
      if (now - span.spokeAt < SILENCE_MS) continue;
      span.spokeAt = now;
      this.#line(span.depth + 1, `      ${stillLine(span, now)}`);
    }
  }

  #line(depth: number, text: string): void {
    this.#out.write(`${'  '.repeat(depth)}${text}\n`);
  }
}

export function plainReporter(out: NodeJS.WritableStream): Reporter {
  return new PlainReporter(out);
}
