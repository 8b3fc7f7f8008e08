import { EcsHostError } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';
import type { RunContext } from '../io/reporter.ts';

export type Step = {
  readonly title: string;
  readonly parts: readonly { readonly line: string; readonly work: () => Promise<unknown> }[];
};

const GO_ON = 'run the same command again: it goes on from here';

/** What was done stays, whatever came then, so it is said. */
function incomplete(error: EcsHostError, title: string, done: readonly string[]): EcsHostError {
  const reason = `It went wrong at "${title}": ${error.message}`;
  const more = {
    hint: error.hint === undefined ? GO_ON : `${error.hint}; then ${GO_ON}`,
    details: [
      { reason: error.message, code: error.code },
      ...error.details,
      ...(done.length === 0
        ? [{ reason: 'nothing was done before' }]
        : done.map((line) => ({ reason: `done: ${line}` }))),
    ],
    cause: error,
  };
  if (error.kind === 'interrupted') return new EcsHostError('interrupted', 'BOOTSTRAP_INTERRUPTED', reason, more);
  if (error.kind === 'user') return new EcsHostError('user', 'BOOTSTRAP_REFUSED', reason, more);
  return new EcsHostError('outside', 'BOOTSTRAP_INCOMPLETE', reason, more);
}

/**
 * Does one thing after the other, each step a span; the first that fails ends it, and so does Ctrl-C, between two
 * things.
 */
export async function stepByStep(context: RunContext, steps: readonly Step[]): Promise<string[]> {
  const done: string[] = [];
  for (const { title, parts } of steps)
    try {
      await context.span(title, async (span) => {
        for (const { line, work } of parts) {
          context.signal.throwIfAborted();
          await work();
          span.progress(line);
          done.push(`${title}: ${line}`);
        }
      });
    } catch (thrown) {
      const error = explainError(thrown);
      throw error instanceof EcsHostError ? incomplete(error, title, done) : error;
    }
  return done;
}
