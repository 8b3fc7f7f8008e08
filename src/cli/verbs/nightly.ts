import { appendFile } from 'node:fs/promises';
import { loadConfig } from '../../config/load.ts';
import { signingKey } from '../../inventory/signature.ts';
import { formatDuration } from '../../io/duration.ts';
import { userError } from '../../io/errors.ts';
import { type Item, itemName, matrixOf, wantedItems } from '../../nightly/items.ts';
import { exitCodeOfNight, type Outcome } from '../../nightly/night.ts';
import { type Argv, listOf, textOf } from '../arguments.ts';
import { printEvent } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** More would only wait for each other. */
const MOST_JOBS = 50;

/** hosts.yaml, and what of it is wanted. @throws EcsHostError (user) for what it does not have */
export async function itemsOf(argv: Argv) {
  const loaded = await loadConfig(commonArguments(argv).configFile);
  const named = { profiles: listOf(argv, 'profile'), regions: listOf(argv, 'region') };
  return { loaded, items: wantedItems(loaded.config, named, loaded.file) };
}

function jobsOf(argv: Argv): number {
  const jobs = Number(argv['jobs']);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= MOST_JOBS) return jobs;
  throw userError('NIGHTLY_JOBS', `--jobs is ${argv['jobs']}.`, `a whole number from 1 to ${MOST_JOBS}`);
}

function outcomeLine({ status, failure, imageId, durationMs, ...item }: Outcome): string {
  const what =
    failure === null ? (imageId ?? 'would be baked') : `${failure.stage}: ${failure.code}, ${failure.reason}`;
  return `${status.padEnd(9)} ${itemName(item as Item)}  ${what}  (${formatDuration(durationMs)})`;
}

/** `ecs-host nightly`: the whole night. */
export async function nightly(argv: Record<string, unknown>): Promise<number> {
  const { loaded, items } = await itemsOf(argv);
  if (argv['matrix'] === true) {
    process.stdout.write(`${JSON.stringify(matrixOf(loaded.config, items))}\n`);
    return 0;
  }
  const jobs = jobsOf(argv);
  return withSession(argv, async (session) => {
    // Before images are baked that could not be signed.
    await signingKey();
    const { runNight } = await import('../night.ts');
    const { nightMarkdown } = await import('../../nightly/summary.ts');
    const { keepArtifacts } = await import('../../nightly/artifacts.ts');
    const options = { items, loaded, jobs, force: argv['force'] === true, dryRun: argv['dryRun'] === true };
    const { night, plans } = await runNight(session, options);
    const [summary, artifacts] = [textOf(argv, 'summary'), textOf(argv, 'artifacts')];
    if (artifacts !== null) await keepArtifacts(night, plans, artifacts);
    if (summary !== null) await appendFile(summary, `${nightMarkdown(night)}\n`);
    session.signal.throwIfAborted();
    await session.reporter.close();
    const swept = night.swept.flatMap(({ removed, failed }) => [
      ...removed.map((each) => `swept     ${each}`),
      ...failed.map((each) => `left      ${each}`),
    ]);
    printEvent(argv['json'] === true, { type: 'result', ...night }, [...night.outcomes.map(outcomeLine), ...swept]);
    return exitCodeOfNight(night);
  });
}
