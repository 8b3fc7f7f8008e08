import type { LabHandle } from '../test/e2e/lab-handle.ts';
import {
  AWAY,
  HOME,
  killedNight,
  leftOfNights,
  namedByPointers,
  nightsConfig,
  order,
  runNight,
  type Told,
} from '../test/e2e/nights.ts';
import { withLab } from './lab.ts';

/**
 * Simulated nights on one lab, with a schedule of faults that a seed draws; after each the promises are looked at:
 * pointers name images that passed in their region, nothing is left behind, the summary tells what happened.
 *
 *   node bench/nights.ts [--nights N] [--seed S]
 */
function optionOf(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}
const NIGHTS = optionOf('--nights', 30);
const SEED = optionOf('--seed', 1);

/** What a night is like: what goes wrong, how it has to end, and what its summary has to say. */
type Kind = {
  readonly name: string;
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  /** Whether an input changes, so that there is something to bake. */
  readonly changes: boolean;
  readonly workloadRef?: string;
  readonly more?: readonly string[];
  readonly before?: (lab: LabHandle, config: string) => Promise<void>;
  readonly exitCode: number;
  readonly says: RegExp;
};

const KINDS: readonly Kind[] = [
  { name: 'unchanged', weight: 6, changes: false, exitCode: 0, says: /1 (unchanged|released)/ },
  { name: 'changed', weight: 5, changes: true, exitCode: 0, says: /Published in local/ },
  {
    name: 'no room',
    weight: 4,
    changes: true,
    before: (lab) => order(lab, 'POST', 'capacity', { launches: 60, code: 'VcpuLimitExceeded' }),
    exitCode: 3,
    says: /NO_CAPACITY/,
  },
  {
    name: 'a zone without room',
    weight: 2,
    changes: true,
    before: (lab) => order(lab, 'POST', 'capacity', { launches: 1 }),
    exitCode: 0,
    says: /no room/,
  },
  {
    name: 'an image that fails',
    weight: 3,
    changes: true,
    workloadRef: 'no-such-branch',
    exitCode: 4,
    says: /workload\.clone/,
  },
  {
    name: 'a copy that fails',
    weight: 3,
    changes: true,
    before: (lab) => order(lab, 'POST', 'copies', { region: AWAY.apiRegion, failure: 'the copy broke', times: 20 }),
    exitCode: 3,
    says: /the copy broke/,
  },
  {
    name: 'an API that fails',
    weight: 3,
    changes: true,
    before: (lab) =>
      order(lab, 'POST', 'faults', { action: 'RunInstances', code: 'InternalError', httpStatus: 500, times: 60 }),
    exitCode: 3,
    says: /InternalError|PACKER_FAILED/,
  },
  {
    name: 'a pointer that cannot be moved',
    weight: 2,
    changes: true,
    before: (lab) =>
      order(lab, 'POST', 'faults', { action: 'PutParameter', code: 'InternalServerError', httpStatus: 500, times: 60 }),
    exitCode: 3,
    says: /failed in release/,
  },
  {
    name: 'after one that was killed',
    weight: 2,
    changes: false,
    before: (lab, config) => killedNight(lab, config, /docker/),
    exitCode: 0,
    says: /removed .+ of run r-/,
  },
];

/** Numbers from 0 to 1 that are the same for the same seed (a linear congruential generator). */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The first night is a good one, so that there is a pointer to lose. */
function schedule(): Kind[] {
  const next = numbersFrom(SEED);
  const all = KINDS.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  const draw = (): Kind => all[Math.floor(next() * all.length)] ?? (KINDS[0] as Kind);
  const good = KINDS.find(({ name }) => name === 'changed') as Kind;
  return [good, ...Array.from({ length: NIGHTS - 1 }, draw)];
}

async function forgetOrders(lab: LabHandle): Promise<void> {
  for (const what of ['capacity', 'copies', 'faults']) await order(lab, 'DELETE', what);
}

/** What of the promises does not hold after a night; nothing when all is well. */
async function broken(lab: LabHandle, kind: Kind, told: Told, before: string): Promise<string[]> {
  const named = await namedByPointers(lab);
  const left = await leftOfNights(lab);
  const home = named.filter(({ where }) => where.endsWith(` ${HOME.region}`)).map(({ imageId }) => imageId);
  return [
    ...named.filter(({ verdict }) => verdict !== 'passed').map(({ where, imageId }) => `${where} names ${imageId}`),
    ...(told.exitCode !== 0 && home.join() !== before ? [`a bad night moved the pointer to ${home.join()}`] : []),
    ...(named.length === 2 ? [] : [`${named.length} pointers`]),
    ...left.map((each) => `left: ${each}`),
    ...(told.exitCode === kind.exitCode ? [] : [`exit ${told.exitCode} in place of ${kind.exitCode}`]),
    ...(kind.says.test(told.summary) ? [] : [`its summary does not say ${kind.says}`]),
  ];
}

await withLab(async (lab, signal) => {
  let [swapMiB, good] = [0, 0];
  for (const [at, kind] of schedule().entries()) {
    signal.throwIfAborted();
    // A change of today is the state of things tomorrow.
    if (kind.changes) swapMiB += 1;
    const config = await nightsConfig(lab, { swapMiB, workloadRef: kind.workloadRef ?? 'main' });
    const home = (await namedByPointers(lab)).find(({ where }) => where.endsWith(` ${HOME.region}`));
    await kind.before?.(lab, config);
    const startedAt = performance.now();
    const told = await runNight(lab, config, kind.more);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    await forgetOrders(lab);
    const problems = await broken(lab, kind, told, home?.imageId ?? '');
    if (problems.length === 0) good += 1;
    else console.log(told.all.split('\n').slice(-30).join('\n'));
    const ended = `${told.outcome.status}${told.outcome.failure ? ` (${told.outcome.failure.code})` : ''}`;
    console.log(`night ${at + 1}  ${kind.name}  ${ended}  ${seconds} s  ${problems.join('; ') || 'all promises held'}`);
  }
  console.log(`${good} of ${NIGHTS} nights kept all promises (seed ${SEED})`);
  process.exitCode = good === NIGHTS ? 0 : 1;
});
