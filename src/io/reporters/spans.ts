import type { Check } from '#contracts/check.ts';
import type { Message } from '../reporter.ts';

/** A span that has not ended, as the reporters show it. */
export type OpenSpan = {
  readonly id: string;
  readonly parent: OpenSpan | null;
  readonly title: string;
  readonly depth: number;
  readonly startedAt: number;
  /** When the work gives up by itself. */
  readonly limitMs: number | null;
  /** How long it usually takes. */
  readonly expectedMs: number | null;
  /** What it said last. */
  text: string;
  /** When it, or something in it, said something. */
  spokeAt: number;
  /** Something in it failed and was shown. */
  hasFailed: boolean;
  readonly counts: Record<Check['verdict'], number>;
};

/** What runs now: the spans of a run as they open and end. Times are those of `performance.now`. */
export class OpenSpans {
  readonly #spans = new Map<string, OpenSpan>();

  open(message: Message & { type: 'span-start' }, now: number): OpenSpan {
    const parent = message.parent === null ? null : this.get(message.parent);
    const span: OpenSpan = {
      id: message.id,
      parent,
      title: message.title,
      depth: parent === null ? 0 : parent.depth + 1,
      startedAt: now,
      limitMs: message.limitMs ?? null,
      expectedMs: message.expectedMs ?? null,
      text: '',
      spokeAt: now,
      hasFailed: false,
      counts: { correct: 0, incorrect: 0, missing: 0, skipped: 0 },
    };
    this.#spans.set(span.id, span);
    this.#touch(span, now);
    return span;
  }

  get(id: string | null): OpenSpan | null {
    return id === null ? null : (this.#spans.get(id) ?? null);
  }

  progress(id: string, text: string, now: number): OpenSpan | null {
    const span = this.get(id);
    if (span === null) return null;
    span.text = text;
    this.#touch(span, now);
    return span;
  }

  /** Counts a check for its span and for all that this is in. */
  check(id: string | null, check: Check, now: number): void {
    const span = this.get(id);
    for (const each of chain(span)) each.counts[check.verdict] += 1;
    if (span !== null) this.#touch(span, now);
  }

  end(id: string, now: number): OpenSpan | null {
    const span = this.get(id);
    this.#spans.delete(id);
    if (span?.parent) this.#touch(span.parent, now);
    return span;
  }

  /** Those that are in no other, and what is in a span, in the order in which they opened. */
  inside(parent: OpenSpan | null): OpenSpan[] {
    return [...this.#spans.values()].filter((span) => span.parent === parent);
  }

  /** Those with nothing open in them: what is really at work. */
  leaves(): OpenSpan[] {
    return [...this.#spans.values()].filter((span) => this.inside(span).length === 0);
  }

  #touch(span: OpenSpan, now: number): void {
    for (const each of chain(span)) each.spokeAt = now;
  }
}

/** A span and all that it is in, from the inside out. */
export function chain(span: OpenSpan | null): OpenSpan[] {
  return span === null ? [] : [span, ...chain(span.parent)];
}

/** `bake › packer build › provision`. */
export function pathOf(span: OpenSpan): string {
  return chain(span)
    .map(({ title }) => title)
    .toReversed()
    .join(' › ');
}
