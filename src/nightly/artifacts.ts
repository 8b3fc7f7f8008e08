import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { recordPath } from '../image/image-store.ts';
import { userError } from '../io/errors.ts';
import { runFolder } from '../io/paths.ts';
import { writeWhole } from '../io/write-whole.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { writePlan } from '../plan/plan-file.ts';
import { type Night, type Outcome, parseNight } from './night.ts';
import { nightMarkdown } from './summary.ts';

/** What `nightly issue` looks for. */
const NIGHT_FILE = 'nightly.json';

/** A file of a run that there may not be: nothing was planned, baked or proven. */
async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

async function keepOutcome(
  { profile, region, runId, imageId }: Outcome,
  plan: BuildPlan | null,
  folder: string,
): Promise<void> {
  const its = join(folder, `${profile}.${region}`);
  await mkdir(its, { recursive: true });
  if (plan !== null) await writePlan(join(its, 'plan.json'), plan);
  if (imageId !== null) await copyIfThere(recordPath(imageId), join(its, 'record.json'));
  // Console logs and journals of an image that failed: on a runner nothing else is left of it.
  const evidence = join(runFolder(runId), 'evidence');
  for (const file of await readdir(evidence).catch(() => []))
    await copyIfThere(join(evidence, file), join(its, basename(file)));
}

/** The report of the night (`nightly.json`), its summary, and plan, record and evidence of each item, as files. */
export async function keepArtifacts(
  night: Night,
  plans: ReadonlyMap<string, BuildPlan>,
  folder: string,
): Promise<void> {
  await writeWhole(join(folder, NIGHT_FILE), `${JSON.stringify(night, null, 2)}\n`);
  await writeWhole(join(folder, 'summary.md'), nightMarkdown(night));
  for (const outcome of night.outcomes) await keepOutcome(outcome, plans.get(outcome.runId) ?? null, folder);
}

/**
 * All nights that lie below a folder, as artifacts of several jobs are brought there.
 *
 * @throws EcsHostError (user) `NIGHT_UNREADABLE`
 */
export async function readNights(folder: string): Promise<Night[]> {
  const unreadable = (file: string, why: string) =>
    userError(
      'NIGHT_UNREADABLE',
      `${file} cannot be read as a night: ${why}.`,
      '--summaries is a folder of --artifacts',
    );
  const names = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    // Of a night whose jobs all were lost there is nothing.
    if (error.code === 'ENOENT') return [];
    throw unreadable(folder, error.message);
  });
  const files = names.filter((name) => basename(name) === NIGHT_FILE).toSorted();
  return Promise.all(
    files.map(async (name) => {
      const file = join(folder, name);
      const night = parseNight(await readFile(file, 'utf8'));
      if (typeof night === 'string') throw unreadable(file, night);
      return night;
    }),
  );
}
