import { readFile } from 'node:fs/promises';
import { type Check, isFailed } from '#contracts/check.ts';
import { type ProvisionEvent, provisionEventLine } from '#contracts/provision-event.ts';
import { firstLine, reasonOf } from '#contracts/reason.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { ToolError } from './lib/tool.ts';

export const HOST_FOLDER = '/opt/ecs-host';
const TARGET_PATH = `${HOST_FOLDER}/target.json`;

/** `bake` is the build instance, at the end of which nothing of it may remain; `booted` is a machine that was launched from the image. */
export type Stage = 'bake' | 'booted';

export type CheckInput = Omit<Check, 'verdict' | 'durationMs'> & { readonly isCorrect: boolean };

export type StepOptions = {
  /** Looks whether the step's work is there already; then the work is not done and the outcome is `unchanged`. */
  readonly doneWhen?: () => Promise<boolean>;
};

/** What a concern gets: the resolved configuration, and the only ways to speak. */
export type Context = {
  readonly target: TargetConfig;
  readonly stage: Stage;
  /** The files of packer/rootfs as they were carried; there until `clean`. */
  readonly rootfs: string;
  /** Carried files that are not part of rootfs; there until `clean`. */
  readonly payload: string;
  /** One named, timed piece of work. Work that returns false changed nothing; whatever else it returns, it did. */
  readonly step: (name: string, options: StepOptions, work: () => Promise<unknown>) => Promise<void>;
  /** One comparison. It never throws: a check that fails is a result. */
  readonly check: (check: CheckInput) => void;
  /** For what does not apply to this machine; the reason is for people. */
  readonly skip: (check: Pick<Check, 'id' | 'title' | 'expected'>, reason: string) => void;
  /** Runs a look that may throw: one that does makes the check `missing`, with the reason. */
  readonly look: (
    check: Pick<Check, 'id' | 'title' | 'expected'>,
    look: () => Promise<{ readonly actual: string; readonly isCorrect: boolean; readonly reason?: string }>,
  ) => Promise<void>;
  readonly versions: (versions: Readonly<Record<string, string>>) => void;
};

export type Concern = {
  readonly name: string;
  /** Brings the machine into the state. A second run changes nothing. */
  readonly apply: (context: Context) => Promise<void>;
  /** Only looks. */
  readonly verify: (context: Context) => Promise<void>;
};

export type Emit = (event: ProvisionEvent) => void;

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
  };
  return { context, failed: () => bad };
}

export type Command = { readonly action: 'apply' | 'verify'; readonly stage: Stage; readonly targetPath: string };

/** @throws Error with the usage when the words make no sense */
export function parseCommand(words: readonly string[]): Command {
  const usage = 'usage: <provisioner>.mjs apply|verify [--stage bake|booted] [--target FILE]';
  const [action, ...options] = words;
  if (action !== 'apply' && action !== 'verify') throw new Error(usage);
  let stage: Stage = 'bake';
  let targetPath = TARGET_PATH;
  for (let at = 0; at < options.length; at += 2) {
    const value = options[at + 1];
    if (options[at] === '--stage' && (value === 'bake' || value === 'booted')) stage = value;
    else if (options[at] === '--target' && value !== undefined) targetPath = value;
    else throw new Error(usage);
  }
  return { action, stage, targetPath };
}

export async function readTarget(path: string): Promise<TargetConfig> {
  const target = JSON.parse(await readFile(path, 'utf8')) as TargetConfig;
  if (target.version !== 1) throw new Error(`${path} has version ${target.version}; this provisioner reads version 1`);
  return target;
}

/** The end of every provisioner's own file. Sets the exit code: 0, or 1 when a step failed or a check was not correct. */
export async function runProvisioner({ name, apply, verify }: Concern, words = process.argv.slice(2)): Promise<void> {
  const startedAt = performance.now();
  const emit = printEvent;
  const complain = (text: string): void => {
    if (text.trim() !== '') process.stderr.write(`${text.trimEnd()}\n`);
  };
  let outcome: 'ok' | 'failed' = 'failed';
  emit({ type: 'provisioner-start', provisioner: name });
  try {
    const command = parseCommand(words);
    const target = await readTarget(command.targetPath);
    const { context, failed } = createContext({ provisioner: name, target, stage: command.stage, emit, complain });
    await (command.action === 'apply' ? apply(context) : verify(context));
    const bad = failed();
    if (bad.length > 0) complain(`${bad.length} of the checks failed: ${bad.map(({ id }) => id).join(', ')}`);
    else outcome = 'ok';
  } catch (error) {
    complain(`${name}: ${firstLine(reasonOf(error))}`);
  }
  emit({ type: 'provisioner-end', provisioner: name, durationMs: Math.round(performance.now() - startedAt), outcome });
  process.exitCode = outcome === 'ok' ? 0 : 1;
}
