import { reasonOf } from '#contracts/reason.ts';
import { EcsHostError, type ErrorKind } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';
import { EXIT_CODES } from '../io/messages.ts';
import { list, map, NUMBER, nullable, object, oneOf, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { NoCapacity, type Tried } from '../plan/fallback.ts';
import type { Span } from '../run/span.ts';
import type { Item } from './items.ts';

export const NIGHT_VERSION = 1;

const STATUSES = ['planned', 'unchanged', 'released', 'failed'] as const;

/** Why an item failed; prose has no line ends that a table would break at. */
export type Failure = {
  /** The step of the night that failed, as its progress names it. */
  readonly stage: string;
  readonly kind: ErrorKind | 'bug';
  readonly code: string;
  readonly reason: string;
  readonly hint: string | null;
  /** Each check that did not hold, each mistake, each zone without room. */
  readonly details: readonly string[];
};

/** Where an image, or a copy of it, was published. */
export type Published = { readonly region: string; readonly imageId: string };

export type StageTime = { readonly stage: string; readonly durationMs: number };

/** What became of one item in one night. */
export type Outcome = Item & {
  /** `planned` is a dry run's. */
  readonly status: (typeof STATUSES)[number];
  readonly runId: string;
  readonly planDigest: string | null;
  /** What was baked or found for the plan; also an image that failed. */
  readonly imageId: string | null;
  /** What the channel named before this night; null for nothing. */
  readonly previousImageId: string | null;
  /** Where the pointers of the channel were moved to it, and to its copies. */
  readonly published: readonly Published[];
  /** Which inputs of the plan are others than those of the image before; null when nobody kept them. */
  readonly changed: readonly string[] | null;
  readonly stages: readonly StageTime[];
  readonly durationMs: number;
  /** How many checks had which verdict. */
  readonly checks: Readonly<Record<string, number>>;
  /** Placements that had no room. */
  readonly tried: readonly Tried[];
  readonly failure: Failure | null;
};

/** What the sweep at the end of a night did in one region. */
export type Swept = {
  readonly region: string;
  readonly removed: readonly string[];
  /** With the reason. */
  readonly failed: readonly string[];
};

export type Night = {
  readonly nightVersion: typeof NIGHT_VERSION;
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly outcomes: readonly Outcome[];
  readonly swept: readonly Swept[];
};

/** Pure: an error as a night tells it. */
export function failureOf(stage: string, thrown: unknown): Failure {
  const error = explainError(thrown);
  if (!(error instanceof EcsHostError))
    return { stage, kind: 'bug', code: 'BUG', reason: reasonOf(error), hint: null, details: [] };
  const { kind, code, message, hint, details } = error;
  return {
    stage,
    kind,
    code,
    reason: message,
    hint: hint ?? null,
    details: details.map(({ where, key, reason }) => [where, key, reason].filter((part) => part).join(': ')),
  };
}

/** Placements without room that an error tells of. */
export function triedBefore(error: unknown): readonly Tried[] {
  return error instanceof NoCapacity ? error.tried : [];
}

/** Pure: the time of each top-level step, in the order in which they ended; one that came twice is one. */
export function stageTimes(spans: readonly Span[]): readonly StageTime[] {
  const times = new Map<string, number>();
  for (const { name, stage, durationMs } of spans)
    if (name === stage) times.set(stage, (times.get(stage) ?? 0) + durationMs);
  return [...times].map(([stage, durationMs]) => ({ stage, durationMs }));
}

/**
 * The top-level step that failed last; where each ended well the last one, whose result was the failure (a smoke test
 * that ends with a bad verdict has done its work); what is begun with where there was none.
 */
export function failedStage(spans: readonly Span[]): string {
  const steps = spans.filter(({ name, stage }) => name === stage);
  return (steps.findLast(({ outcome }) => outcome === 'failed') ?? steps.at(-1))?.stage ?? 'plan';
}

/** A bug may be behind all the rest; a bad image is worse news than a bad day of AWS. */
const WORST_FIRST = ['bug', 'interrupted', 'verdict', 'outside', 'user'] as const;

/** Pure: 0 when all is good, else the code of the worst that happened. What could not be swept is AWS's to answer. */
export function exitCodeOfNight({ outcomes, swept }: Pick<Night, 'outcomes' | 'swept'>): number {
  const kinds = new Set(outcomes.map(({ failure }) => failure?.kind));
  if (swept.some(({ failed }) => failed.length > 0)) kinds.add('outside');
  const worst = WORST_FIRST.find((kind) => kinds.has(kind));
  return worst === undefined ? 0 : EXIT_CODES[worst];
}

const OUTCOME = object({
  profile: TEXT,
  region: TEXT,
  status: oneOf(...STATUSES),
  runId: TEXT,
  planDigest: nullable(TEXT),
  imageId: nullable(TEXT),
  previousImageId: nullable(TEXT),
  published: list(object({ region: TEXT, imageId: TEXT })),
  changed: nullable(list(TEXT)),
  stages: list(object({ stage: TEXT, durationMs: NUMBER })),
  durationMs: NUMBER,
  checks: map(NUMBER),
  tried: list(object({ region: TEXT, instanceType: TEXT, zone: TEXT, code: TEXT, why: TEXT })),
  failure: nullable(
    object({
      stage: TEXT,
      kind: oneOf(...WORST_FIRST),
      code: TEXT,
      reason: TEXT,
      hint: nullable(TEXT),
      details: list(TEXT),
    }),
  ),
});

const problemOf = shapeCheck(
  object({
    nightVersion: oneOf(NIGHT_VERSION),
    startedAt: TEXT,
    durationMs: NUMBER,
    outcomes: list(OUTCOME),
    swept: list(object({ region: TEXT, removed: list(TEXT), failed: list(TEXT) })),
  }),
);

/** The night that a text tells of, or what is wrong with it (`it is not JSON`). */
export function parseNight(text: string): Night | string {
  const value = parseObject(text);
  if (typeof value === 'string') return value;
  return problemOf(value) ?? (value as unknown as Night);
}
