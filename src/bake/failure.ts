import { firstLine } from '#contracts/reason.ts';
import type { EcsHostError } from '../io/errors.ts';
import { outsideError } from '../io/errors.ts';
import { type Shortage, shortageOf } from '../plan/fallback.ts';
import type { BuildOutcome } from './build-tracker.ts';
import { stripTarget } from './phases.ts';

/** Pure: the one reason why a build failed, the most precise one first, with the end of what was said. */
export function bakeFailure(
  outcome: BuildOutcome,
  exit: { readonly exitCode: number | null; readonly signal: string | null },
  logFile: string,
): EcsHostError {
  const output = outcome.tail.join('\n');
  const hint = `the whole output is in ${logFile}`;
  if (exit.signal !== null) {
    return outsideError('PACKER_KILLED', `Packer was killed (${exit.signal}) before it was done.`, hint, output);
  }
  if (outcome.failedStep) {
    const { provisioner, step, error } = outcome.failedStep;
    return outsideError(
      'PROVISIONER_FAILED',
      `Provisioner "${provisioner}" failed at "${step}": ${firstLine(error)}`,
      hint,
      output,
    );
  }
  const failed = outcome.failedChecks.map((check) => `${check.id} (expected ${check.expected}, found ${check.actual})`);
  if (failed.length > 0) {
    return outsideError(
      'BAKE_VERIFY_FAILED',
      `The image did not pass its own verify: ${failed.join('; ')}.`,
      hint,
      output,
    );
  }
  const said = outcome.errors[0];
  const reason = said === undefined ? `exit code ${exit.exitCode ?? 'unknown'}` : firstLine(said);
  return outsideError('PACKER_FAILED', `Packer failed: ${reason}`, hint, output);
}

/**
 * What the plugin (1.3.x) says when RunInstances was refused, and when the instance ended before it ran: EC2 may find
 * only then that it has no room.
 */
const LAUNCH_ERRORS = [
  /^Error launching source instance: (?<code>\w+): (?<why>.*)/,
  /^Instance state change details: .*?(?<code>Server\.\w+): (?<why>.*)/,
];

/** Pure: whether a build failed because its placement has no room. */
export function launchShortage({ spans, errors, tail }: BuildOutcome): Shortage | null {
  // What a provisioner prints is none of EC2's.
  if (spans.some(({ name }) => name === 'provision')) return null;
  for (const line of [...errors, ...tail]) {
    const said = LAUNCH_ERRORS.map((pattern) => pattern.exec(stripTarget(line))?.groups).find(Boolean);
    const shortage = said === undefined ? null : shortageOf(said['code'] ?? '', (said['why'] ?? '').trim());
    if (shortage !== null) return shortage;
  }
  return null;
}
