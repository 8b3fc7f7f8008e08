import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../src/io/paths.ts';

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
const ecsHost = join(projectFolder(), 'bin', 'ecs-host');
const state = await mkdtemp(join(tmpdir(), 'lab-'));
const env = { ECS_HOST_STATE: state };

async function order(method: string, path: string, endpoint: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${endpoint}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

type Status = { readonly instances: readonly { readonly instanceId: string; readonly state: string }[] };

/** What a sweep would find, and every machine that is not terminated. */
async function leftovers(endpoint: string): Promise<string[]> {
  const { instances } = (await order('GET', '/_lab/status', endpoint)) as Status;
  const live = instances.filter((instance) => instance.state !== 'terminated').map(({ instanceId }) => instanceId);
  const sweep = await execa(ecsHost, ['sweep', '--dry-run', '--json'], { env: { ...env, AWS_ENDPOINT_URL: endpoint } });
  const { leftovers: found } = JSON.parse(sweep.stdout) as { leftovers: readonly { kind: string; id: string }[] };
  return [...live, ...found.map(({ kind, id }) => `${kind} ${id}`)];
}

let bad = 0;
try {
  const up = await execa(ecsHost, ['lab', 'up', '--json'], { env, stdin: 'ignore' });
  const { endpoint } = JSON.parse(up.stdout) as { endpoint: string };
  await order('POST', '/_lab/credentials', endpoint, { lifetimeS: LIFETIME_S });
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    await order('POST', '/_lab/staleness', endpoint, { seed });
    const startedAt = performance.now();
    const run = await execa(ecsHost, ['ami', '--plain'], {
      env: { ...env, AWS_ENDPOINT_URL: endpoint },
      reject: false,
      all: true,
      stdin: 'ignore',
    });
    await order('DELETE', '/_lab/staleness', endpoint);
    const left = await leftovers(endpoint);
    if (run.exitCode !== 0 || left.length > 0) {
      bad += 1;
      console.log(run.all.split('\n').slice(-20).join('\n'));
    }
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`seed ${seed}  exit ${run.exitCode}  ${seconds} s  left: ${left.join(', ') || 'nothing'}`);
  }
} finally {
  await execa(ecsHost, ['lab', 'down'], { env, reject: false, stdin: 'ignore' });
  await rm(state, { recursive: true, force: true });
}
console.log(`${RUNS - bad} of ${RUNS} ended with 0 and left nothing`);
process.exitCode = bad === 0 ? 0 : 1;
