import type { Message, Reporter } from '../io/reporter.ts';
import type { Span } from '../run/span.ts';
import { expectedOf, type Sample, type Timings } from '../run/timings.ts';
import { type Argv, textOf } from './arguments.ts';

/**
 * What runs are alike in how long they take: the verb, and where it does its work. The lab takes seconds for what takes
 * minutes on AWS. Empty when no verb is known, and nothing is kept.
 */
export function kindOfRun(argv: Argv): string {
  const words = Array.isArray(argv['_']) ? argv['_'].map(String) : [];
  if (words.length === 0) return '';
  const plan = textOf(argv, 'plan');
  const where = plan === null ? [textOf(argv, 'region') ?? 'local', textOf(argv, 'profile') ?? ''] : ['--plan', plan];
  const parts = textOf(argv, 'only') ?? '';
  const elsewhere = process.env['AWS_ENDPOINT_URL'] ? ['at AWS_ENDPOINT_URL'] : [];
  return [...words, ...where, parts, ...elsewhere].filter((part) => part !== '').join(' ');
}

/** Passes messages on, with what is expected of a step, and keeps the spans that ended. */
export class Recorder implements Reporter {
  readonly #inner: Reporter;
  readonly #kind: string;
  readonly #timings: Timings;
  readonly #open = new Map<string, { name: string; stage: string; step: string }>();
  readonly #ended: Span[] = [];
  readonly #samples: Sample[] = [];

  constructor(inner: Reporter, { kind, timings }: { readonly kind: string; readonly timings: Timings }) {
    this.#inner = inner;
    this.#kind = kind;
    this.#timings = timings;
  }

  emit(message: Message): void {
    if (message.type === 'span-end') this.#end(message);
    this.#inner.emit(message.type === 'span-start' ? this.#start(message) : message);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  spans(): readonly Span[] {
    return [...this.#ended];
  }

  /** How long the steps took that ended well, and, when the run did, it as a whole. */
  samples(runMs: number | null): readonly Sample[] {
    if (this.#kind === '' || this.#samples.length === 0) return [];
    return [...this.#samples, ...(runMs === null ? [] : [{ step: this.#kind, durationMs: runMs }])];
  }

  #start(message: Message & { type: 'span-start' }): Message {
    const parent = message.parent === null ? undefined : this.#open.get(message.parent);
    const step = `${parent?.step ?? this.#kind} › ${message.title}`;
    this.#open.set(message.id, { name: message.title, stage: parent?.stage ?? message.title, step });
    const expectedMs = expectedOf(this.#timings, step);
    return expectedMs === null ? message : { ...message, expectedMs };
  }

  #end({ id, durationMs, outcome }: Message & { type: 'span-end' }): void {
    const span = this.#open.get(id);
    if (span === undefined) return;
    this.#open.delete(id);
    this.#ended.push({ name: span.name, stage: span.stage, durationMs, outcome });
    if (outcome === 'ok') this.#samples.push({ step: span.step, durationMs });
  }
}
