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
  return new EcsHostError(error.kind, 'BOOTSTRAP_INCOMPLETE', `It went wrong at "${title}": ${error.message}`, {
    hint: error.hint === undefined ? GO_ON : `${error.hint}; then ${GO_ON}`,
    details: [
      ...error.details,
      ...(done.length === 0
        ? [{ reason: 'nothing was done before' }]
        : done.map((line) => ({ reason: `done: ${line}` }))),
    ],
    cause: error,
  });
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
