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

/** Collects the answers to the checks of one run; whatever got no answer is `missing` in the end. */
export type CheckBook = {
  readonly selected: ReadonlySet<Part>;
  record(id: string, finding: Finding): void;
  skip(id: string, reason: string): void;
  /** A check that another program made (the image's own verify). */
  add(check: Check): void;
  /**
   * Runs work that answers these checks. When it throws, those still open become `missing` with the reason, and the caller is told, so
   * that it can leave out what builds on it. Being interrupted is not an answer, and neither is a mistake of the operator's (a tool that is
   * not there, a permission): those are thrown on, and say nothing about the image.
   */
  attempt<T>(ids: readonly string[], work: () => Promise<T>): Promise<Attempt<T>>;
  /** All checks in the order of the definitions, foreign ones after them. */
  finish(): Check[];
};

const MAX_TEXT = 300;
function short(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, ' | ');
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}

function isOfTheUser(error: unknown): boolean {
  const explained = explainError(error);
  return explained instanceof EcsHostError && explained.kind === 'user';
}

export function createCheckBook(options: {
  readonly definitions: readonly CheckDefinition[];
  readonly selected: ReadonlySet<Part>;
  readonly onCheck: (check: Check) => void;
  readonly signal: AbortSignal;
}): CheckBook {
  const { definitions, selected, onCheck, signal } = options;
  const defined = new Map(definitions.map((definition) => [definition.id, definition]));
  const answers = new Map<string, Check>();
  const foreign: Check[] = [];
  let firstFailure: string | null = null;

  const answer = (id: string, rest: Pick<Check, 'actual' | 'verdict'> & Partial<Check>): void => {
    const definition = defined.get(id);
    if (!definition) throw new Error(`check "${id}" is not defined`);
    if (answers.has(id)) throw new Error(`check "${id}" was answered twice`);
    if (!selected.has(definition.part)) return;
    const check: Check = { id, title: definition.title, expected: definition.expected, ...rest };
    answers.set(id, check);
    onCheck(check);
  };
  const missing = (id: string, reason: string): void =>
    answer(id, { actual: 'not looked at', verdict: 'missing', reason: short(reason) });

  return {
    selected,
    record: (id, { actual, isCorrect, reason, durationMs }) =>
      answer(id, {
        actual: short(actual),
        verdict: isCorrect ? 'correct' : 'incorrect',
        ...(reason === undefined ? {} : { reason: short(reason) }),
        ...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }),
      }),
    skip: (id, reason) => answer(id, { actual: 'not looked at', verdict: 'skipped', reason }),
    add: (check) => {
      foreign.push(check);
      onCheck(check);
    },
    attempt: async (ids, work) => {
      try {
        return { ok: true, value: await work() };
      } catch (error) {
        if (signal.aborted || isOfTheUser(error)) throw error;
        const reason = reasonOf(error);
        firstFailure ??= reason;
        for (const id of ids)
          if (!answers.has(id) && selected.has(defined.get(id)?.part ?? 'gate')) missing(id, reason);
        return { ok: false };
      }
    },
    finish: () => {
      const because = firstFailure ?? 'the run ended before it';
      for (const { id, part } of definitions) {
        if (answers.has(id)) continue;
        if (selected.has(part)) missing(id, `not reached: ${because}`);
      }
      const all = definitions.map(
        (definition): Check =>
          answers.get(definition.id) ?? {
            id: definition.id,
            title: definition.title,
            expected: definition.expected,
            actual: 'not looked at',
            verdict: 'skipped',
            reason: `part "${definition.part}" was not asked for`,
          },
      );
      return [...all, ...foreign];
    },
  };
}
