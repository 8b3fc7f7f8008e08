import type { Check } from '#contracts/check.ts';
import { reasonOf } from '#contracts/reason.ts';
import { EcsHostError } from '../../io/errors.ts';
import { explainError } from '../../io/explain-error.ts';
import type { CheckDefinition, Part } from './check-definitions.ts';

export type Finding = {
  readonly actual: string;
  readonly isCorrect: boolean;
  readonly reason?: string;
  readonly durationMs?: number;
};

export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

const MAX_TEXT = 300;
const NOT_LOOKED_AT = 'not looked at';

function short(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, ' | ');
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}

function isOfTheUser(error: unknown): boolean {
  const explained = explainError(error);
  return explained instanceof EcsHostError && explained.kind === 'user';
}

type Rest = Pick<Check, 'actual' | 'verdict'> & Partial<Check>;

/** Collects the answers to the checks of one run; whatever got no answer is `missing` in the end. */
export class CheckBook {
  readonly selected: ReadonlySet<Part>;
  readonly #definitions: ReadonlyMap<string, CheckDefinition>;
  readonly #onCheck: (check: Check) => void;
  readonly #signal: AbortSignal;
  readonly #answers = new Map<string, Check>();
  readonly #foreign: Check[] = [];
  #firstFailure: string | null = null;

  constructor(options: {
    readonly definitions: readonly CheckDefinition[];
    readonly selected: ReadonlySet<Part>;
    readonly onCheck: (check: Check) => void;
    readonly signal: AbortSignal;
  }) {
    this.selected = options.selected;
    this.#definitions = new Map(options.definitions.map((definition) => [definition.id, definition]));
    this.#onCheck = options.onCheck;
    this.#signal = options.signal;
  }

  record(id: string, { actual, isCorrect, reason, durationMs }: Finding): void {
    this.#answer(id, {
      actual: short(actual),
      verdict: isCorrect ? 'correct' : 'incorrect',
      ...(reason === undefined ? {} : { reason: short(reason) }),
      ...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }),
    });
  }

  skip(id: string, reason: string): void {
    this.#answer(id, { actual: NOT_LOOKED_AT, verdict: 'skipped', reason });
  }

  /** A check that another program made (the image's own verify). */
  add(check: Check): void {
    this.#foreign.push(check);
    this.#onCheck(check);
  }

  /**
   * Runs work that answers these checks. When it throws, those still open become `missing` with the reason, and the
   * caller is told, so that it can leave out what builds on it. Being interrupted is not an answer, and neither is a
   * mistake of the operator's (a tool that is not there, a permission): those are thrown on, and say nothing about the
   * image.
   */
  async attempt<T>(ids: readonly string[], work: () => Promise<T>): Promise<Attempt<T>> {
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      if (this.#signal.aborted || isOfTheUser(error)) throw error;
      const reason = reasonOf(error);
      this.#firstFailure ??= reason;
      for (const id of ids) if (!this.#answers.has(id)) this.#miss(id, reason);
      return { ok: false };
    }
  }

  /** All checks in the order of the definitions, foreign ones after them. */
  finish(): Check[] {
    const because = this.#firstFailure ?? 'the run ended before it';
    for (const id of this.#definitions.keys()) if (!this.#answers.has(id)) this.#miss(id, `not reached: ${because}`);
    const defined = [...this.#definitions.values()].map(
      (definition): Check => this.#answers.get(definition.id) ?? notAskedFor(definition),
    );
    return [...defined, ...this.#foreign];
  }

  #miss(id: string, reason: string): void {
    this.#answer(id, { actual: NOT_LOOKED_AT, verdict: 'missing', reason: short(reason) });
  }

  /** Of a part that was not asked for nothing is kept. */
  #answer(id: string, rest: Rest): void {
    const definition = this.#definitions.get(id);
    if (!definition) throw new Error(`check "${id}" is not defined`);
    if (this.#answers.has(id)) throw new Error(`check "${id}" was answered twice`);
    if (!this.selected.has(definition.part)) return;
    const check: Check = { id, title: definition.title, expected: definition.expected, ...rest };
    this.#answers.set(id, check);
    this.#onCheck(check);
  }
}

function notAskedFor({ id, title, expected, part }: CheckDefinition): Check {
  const reason = `part "${part}" was not asked for`;
  return { id, title, expected, actual: NOT_LOOKED_AT, verdict: 'skipped', reason };
}
