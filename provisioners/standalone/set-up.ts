import type { ProvisionEvent } from '#contracts/provision-event.ts';
import { columns, partText } from '#contracts/setup-script.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { withPackages } from '../concerns/packages.ts';
import { CONCERNS } from '../concerns/verify.ts';
import type { Concern } from '../lib/context.ts';
import { endDownloads } from '../lib/download.ts';
import { onCommand, tool } from '../lib/tool.ts';
import { runConcern, type Work } from '../run-concern.ts';
import { confirm } from './ask.ts';
import { carry } from './carry.ts';
import { dryRun } from './dry-run.ts';
import { mend } from './mend.ts';
import type { SetupOptions } from './options.ts';
import { lookAtMachine, problemsOf } from './preflight.ts';
import { Progress } from './progress.ts';
import { lookAtBoot, rebootReasons } from './reboot.ts';
import { RunLog } from './run-log.ts';

/** As in the README. */
export const EXIT = { done: 0, user: 2, outside: 3, interrupted: 130 } as const;

export type Setup = {
  /** Of the script. */
  readonly name: string;
  /** Where its payload is. */
  readonly folder: string;
  readonly isLocked: boolean;
  readonly target: TargetConfig;
  readonly options: SetupOptions;
};

const AGAIN = 'Run it again when that is mended: what is done stays done.';

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

function announce({ name, target, options }: Setup): void {
  const { sshUser, variant } = target;
  say(`${name} makes this machine ${variant === 'host' ? 'a host' : 'a development host'}:`);
  for (const line of columns(options.parts.map((part) => [part, partText(part, variant)]))) say(line);
  say(sshUser === null ? 'There is no login user here; nobody joins group docker.' : `${sshUser} joins group docker.`);
}

/** Everything that is in the way, told at once. @returns whether nothing is */
async function isClear({ name, target, options, isLocked }: Setup): Promise<boolean> {
  const problems = problemsOf(target, options.parts, await lookAtMachine(target, options.parts, isLocked));
  if (problems.length === 0) return true;
  complain(`${name}: nothing was changed, because`);
  for (const problem of problems) complain(`  - ${problem}`);
  return false;
}

/** @returns an exit code when it ends here */
async function askFirst({ name, options }: Setup): Promise<number | null> {
  if (options.yes) return null;
  if (!process.stdin.isTTY) {
    complain(`${name}: nothing was changed: there is no terminal to ask at. Give --yes to go on without a question.`);
    return EXIT.user;
  }
  if (await confirm('Go on?')) return null;
  say('Nothing was changed.');
  return EXIT.user;
}

/** Says where it stopped. The tool that runs hears Ctrl-C as well; after another signal the next run waits for it. */
function watchForEnd(progress: Progress, log: RunLog): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      progress.clear();
      const where = progress.now === '' ? 'before anything was changed' : `in ${progress.now}`;
      log.line(`interrupted by ${signal} ${where}`);
      complain(`\nInterrupted ${where}. Run it again: what is done stays done.`);
      process.exit(EXIT.interrupted);
    });
}

async function applyAll(
  concerns: readonly Concern[],
  work: Omit<Work, 'action'>,
  progress: Progress,
): Promise<boolean> {
  try {
    for (const concern of concerns) {
      progress.head(concern.name);
      if (!(await runConcern(concern, { ...work, action: 'apply' }))) return false;
    }
    return true;
  } finally {
    await endDownloads();
  }
}

/** @returns whether all checks hold */
async function verifyAll(
  concerns: readonly Concern[],
  work: Omit<Work, 'action'>,
  progress: Progress,
): Promise<boolean> {
  for (const concern of concerns) await runConcern(concern, { ...work, action: 'verify' });
  for (const bad of progress.badChecks) complain(`  - ${bad}`);
  return progress.badChecks.length === 0;
}

/** Asks before a reboot; --yes alone is no yes to one. */
async function offerReboot({ target, options }: Setup, log: RunLog): Promise<void> {
  const reasons = rebootReasons(await lookAtBoot(target));
  if (reasons.length === 0) return;
  say(`It needs a reboot: ${reasons.join('; ')}.`);
  const isWanted = options.reboot || (!options.yes && process.stdin.isTTY && (await confirm('Reboot now?')));
  if (!isWanted) return say('Reboot it when that suits you: sudo systemctl reboot');
  log.line('reboot');
  await tool`systemctl --no-block reboot`;
}

function openLog({ name, options, target }: Setup): RunLog {
  const log = new RunLog(options.log);
  log.line(`${name}: profile ${target.profile}, ${target.variant}, parts ${options.parts.join(',')}`);
  onCommand((command, { exitCode, stdout, stderr }) => {
    log.line(`${command} -> ${exitCode}`);
    log.output(`${stdout}${stderr}`.slice(-20_000));
  });
  return log;
}

/** From the options to the end. @returns the exit code */
export async function setUp(setup: Setup): Promise<number> {
  const { folder, target, options } = setup;
  announce(setup);
  if (!(await isClear(setup))) return EXIT.user;
  const concerns = [mend, carry(folder), ...withPackages(options.parts.map((part) => CONCERNS[part]))];
  const log = options.dryRun ? new RunLog('/dev/null') : openLog(setup);
  const progress = new Progress(process.stdout, log);
  let said = '';
  const work = {
    stage: 'set-up' as const,
    target,
    folder,
    emit: (event: ProvisionEvent) => progress.take(event),
    complain: (text: string) => {
      said = text;
      log.output(text);
    },
  };
  if (options.dryRun) {
    await dryRun(concerns, work, progress, (text) => process.stdout.write(text));
    say('Nothing was changed.');
    return EXIT.done;
  }
  watchForEnd(progress, log);
  const end = await askFirst(setup);
  if (end !== null) return end;
  const startedAt = performance.now();
  if (!(await applyAll(concerns, work, progress))) {
    // What a step said stands below it.
    if (progress.counts.failed === 0) complain(`  ${said}`);
    complain(`It failed in ${progress.now}; ${log.path} has what the tools said. ${AGAIN}`);
    return EXIT.outside;
  }
  const isGood = await verifyAll(concerns, work, progress);
  const { changed, unchanged, correct, incorrect, skipped } = progress.counts;
  const took = ((performance.now() - startedAt) / 1000).toFixed(0);
  progress.head(
    `${changed} steps changed something, ${unchanged} did not; ` +
      `${correct} checks hold, ${incorrect} do not, ${skipped} do not apply here; ${took} s.`,
  );
  say(`Log: ${log.path}${log.trouble === null ? '' : ` (not complete: ${log.trouble})`}`);
  await offerReboot(setup, log);
  if (isGood) return EXIT.done;
  complain(`Not everything is as it should be; see above. ${AGAIN}`);
  return EXIT.outside;
}
