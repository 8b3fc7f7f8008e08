import { type LabHandle, startLabForTests } from '../test/e2e/lab-handle.ts';
import { withEnding } from './interruption.ts';

/** A lab of the bench's own, with all its machines gone when the bench ends or is interrupted. */
export function withLab(work: (lab: LabHandle, signal: AbortSignal) => Promise<void>): Promise<void> {
  return withEnding({ begin: startLabForTests, work, end: (lab) => lab.down() });
}
