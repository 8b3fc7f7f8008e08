import { type Check, isFailed } from '#contracts/check.ts';
import { HOST_FOLDER } from '#contracts/host-paths.ts';
import { provisionEventLine } from '#contracts/provision-event.ts';
import { firstLine, reasonOf } from '#contracts/reason.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import type { Concern, Context, Emit, Stage } from './lib/context.ts';
import { ToolError } from './lib/tool.ts';

const printEvent: Emit = (event) => {
  process.stdout.write(`${provisionEventLine(event)}\n`);
};

/** Thrown after its step has been reported, so that it is reported once. */
class StepFailed extends Error {}

export type ContextInput = {
  readonly provisioner: string;
  readonly target: TargetConfig;
  readonly stage: Stage;
  readonly folder?: string;
  readonly emit: Emit;
  /** What a failed step shows: command and the end of its output. */
  readonly complain: (text: string) => void;
};

/** The context of one provisioner, and what its checks came to so far. */
export function createContext(input: ContextInput): { context: Context; failed: () => readonly Check[] } {
  const { provisioner, emit } = input;
  const folder = input.folder ?? HOST_FOLDER;
  const bad: Check[] = [];
  const report = (check: Check): void => {
    if (isFailed(check)) bad.push(check);
    emit({ type: 'check', provisioner, check });
  };
  const context: Context = {
    target: input.target,
    stage: input.stage,
    rootfs: `${folder}/rootfs`,
    payload: `${folder}/payload`,
    step: async (step, { doneWhen }, work) => {
      emit({ type: 'step-start', provisioner, step });
      const startedAt = performance.now();
      const end = (outcome: 'changed' | 'unchanged' | 'failed', error?: string): void =>
        emit({
          type: 'step-end',
          provisioner,
          step,
          durationMs: Math.round(performance.now() - startedAt),
          endedAt: Date.now(),
          outcome,
          ...(error === undefined ? {} : { error }),
        });
      try {
        if (doneWhen && (await doneWhen())) return end('unchanged');
        end((await work()) === false ? 'unchanged' : 'changed');
      } catch (error) {
        end('failed', firstLine(reasonOf(error)));
        input.complain(
          error instanceof ToolError ? error.describe() : error instanceof Error ? (error.stack ?? '') : '',
        );
        throw new StepFailed(firstLine(reasonOf(error)), { cause: error });
      }
    },
    check: ({ isCorrect, ...check }) => report({ ...check, verdict: isCorrect ? 'correct' : 'incorrect' }),
    skip: (check, reason) => report({ ...check, actual: 'not looked at', verdict: 'skipped', reason }),
    look: async (check, look) => {
      const startedAt = performance.now();
      const durationMs = (): number => Math.round(performance.now() - startedAt);
      try {
        const { isCorrect, ...found } = await look();
        report({ ...check, ...found, verdict: isCorrect ? 'correct' : 'incorrect', durationMs: durationMs() });
      } catch (error) {
        report({
          ...check,
          actual: 'could not be looked at',
          verdict: 'missing',
          reason: firstLine(reasonOf(error)),
          durationMs: durationMs(),
        });
      }
    },
    versions: (versions) => emit({ type: 'versions', versions }),
    packages: (packages) => emit({ type: 'packages', packages }),
  };
  return { context, failed: () => bad };
}

export type Work = {
  readonly action: 'apply' | 'verify';
  readonly stage: Stage;
  readonly target: TargetConfig;
  /** Where the carried files are; the image's own folder when it is not said. */
  readonly folder?: string;
  readonly emit?: Emit;
  readonly complain?: (text: string) => void;
  /** What a step does in place of its work. */
  readonly step?: Context['step'];
};

function printComplaint(text: string): void {
  if (text.trim() !== '') process.stderr.write(`${text.trimEnd()}\n`);
}

/**
 * Applies a concern, or verifies it, and says how that went (on stdout, if nobody else listens). @returns false when a
 * step failed or a check was not correct
 */
export async function runConcern({ name, apply, verify }: Concern, work: Work): Promise<boolean> {
  const startedAt = performance.now();
  const { emit = printEvent, complain = printComplaint, step, ...given } = work;
  let outcome: 'ok' | 'failed' = 'failed';
  emit({ type: 'provisioner-start', provisioner: name });
  try {
    const { context, failed } = createContext({ provisioner: name, ...given, emit, complain });
    const own = step === undefined ? context : { ...context, step };
    await (work.action === 'apply' ? apply(own) : verify(own));
    const bad = failed();
    if (bad.length > 0) complain(`${bad.length} of the checks failed: ${bad.map(({ id }) => id).join(', ')}`);
    else outcome = 'ok';
  } catch (error) {
    complain(`${name}: ${firstLine(reasonOf(error))}`);
  }
  emit({ type: 'provisioner-end', provisioner: name, durationMs: Math.round(performance.now() - startedAt), outcome });
  return outcome === 'ok';
}
