import { awsLeftovers, type LabHandle } from '../test/e2e/lab-handle.ts';
import { cli } from '../test/e2e/support.ts';
import { withLab } from './lab.ts';

/**
 * `ami` again and again on one lab while keys end and answers are old, with another seed each time; says for each run
 * how it ended and what it left.
 *
 *   node bench/adversity.ts [--runs N] [--first-seed S] [--lifetime SECONDS]
 */
function optionOf(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}
const RUNS = optionOf('--runs', 20);
const FIRST_SEED = optionOf('--first-seed', 1);
const LIFETIME_S = optionOf('--lifetime', 15);

async function order({ endpoint }: LabHandle, method: string, path: string, body?: object): Promise<void> {
  const answer = await fetch(`${endpoint}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

/** @returns whether it ended with 0 and left nothing */
async function once(lab: LabHandle, seed: number, signal: AbortSignal): Promise<boolean> {
  await order(lab, 'POST', '/_lab/staleness', { seed });
  const startedAt = performance.now();
  const run = await cli(['ami', '--force', '--plain'], lab.environment, { signal });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  signal.throwIfAborted();
  // What is left is looked for in answers of now.
  await order(lab, 'DELETE', '/_lab/staleness');
  const left = await awsLeftovers(lab);
  const isGood = run.exitCode === 0 && left.length === 0;
  if (!isGood) console.log(run.all.split('\n').slice(-20).join('\n'));
  console.log(`seed ${seed}  exit ${run.exitCode}  ${seconds} s  left: ${left.join(', ') || 'nothing'}`);
  return isGood;
}

await withLab(async (lab, signal) => {
  await order(lab, 'POST', '/_lab/credentials', { lifetimeS: LIFETIME_S });
  let good = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) if (await once(lab, seed, signal)) good += 1;
  console.log(`${good} of ${RUNS} ended with 0 and left nothing`);
  process.exitCode = good === RUNS ? 0 : 1;
});
