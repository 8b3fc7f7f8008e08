import type { Concern, Context } from '../lib/context.ts';
import { runConcern, type Work } from '../run-concern.ts';
import type { Progress } from './progress.ts';

/**
 * A step that is only asked: whether it is done already, where it can say so before it is done. Most compare and write
 * in one go; of those the truth is that they look first, and change what differs (docs/decisions/0142).
 */
function askingStep(write: (text: string) => void): Context['step'] {
  return async (name, { doneWhen }) => {
    const isDone = await doneWhen?.().catch(() => false);
    write(`  ${name.padEnd(42)} ${isDone === undefined ? 'looks first' : isDone ? 'done already' : 'would change'}\n`);
  };
}

/** Says of each concern which steps it has and what its checks find now. Changes nothing. */
export async function dryRun(
  concerns: readonly Concern[],
  work: Omit<Work, 'action' | 'step'>,
  progress: Progress,
  write: (text: string) => void,
): Promise<void> {
  for (const concern of concerns) {
    write(`${concern.name}\n`);
    await runConcern(concern, { ...work, action: 'apply', step: askingStep(write) });
    const before = { ...progress.counts };
    await runConcern(concern, { ...work, action: 'verify' });
    const correct = progress.counts.correct - before.correct;
    const all = correct + progress.counts.incorrect - before.incorrect;
    if (all > 0) write(`  ${correct} of its ${all} checks hold now\n`);
  }
}
