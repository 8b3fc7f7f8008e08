import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { poll } from '../src/io/wait-until.ts';
import { ec2TagsAsObject } from '../src/run/tags.ts';
import type { LabHandle } from '../test/e2e/lab-handle.ts';
import { cli, events, start } from '../test/e2e/support.ts';
import { EAST, TwoRegions, WEST } from '../test/e2e/two-regions.ts';
import { withLab } from './lab.ts';

/**
 * `kill -9` of a release to two regions, at points that lie evenly over the calls that it makes; then the same command.
 * It has to end as the release that nobody killed.
 *
 *   node bench/release-kills.ts [--points N]
 */
const POINTS = Number(process.argv[process.argv.indexOf('--points') + 1]) || 20;
const CHANNEL = 'nightly';

type Setting = {
  readonly lab: LabHandle;
  readonly regions: TwoRegions;
  readonly config: string;
  readonly imageId: string;
};

/** Calls so far, but for the blocks of snapshots: by far the most, and they change nothing. */
async function callsOf(lab: LabHandle): Promise<number> {
  const text = await readFile(join(lab.stateFolder, 'lab', 'calls.ndjson'), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.includes('"service":"ebs"')).length;
}

function releaseArgs({ imageId, config }: Setting): string[] {
  return ['release', 'run', imageId, '--channel', CHANNEL, '--config', config, '--json'];
}

/** What a release has made, without what differs each time: ids and times. */
async function made({ regions, imageId }: Setting): Promise<string> {
  const copies = (await regions.ownImages(EAST)).map(({ Tags, ImdsSupport, DeprecationTime, BlockDeviceMappings }) => ({
    tags: Object.entries(ec2TagsAsObject(Tags)).sort(),
    ImdsSupport,
    isDeprecated: DeprecationTime !== undefined,
    isEncrypted: BlockDeviceMappings?.[0]?.Ebs?.Encrypted,
  }));
  const [copy] = await regions.ownImages(EAST);
  const pointers = [];
  for (const region of [WEST, EAST]) {
    const found = await regions.pointer(region, CHANNEL);
    const names = found?.imageId === (region === WEST ? imageId : copy?.ImageId) ? 'the image there' : found?.imageId;
    const { copiedFrom, previousImageId, provenBy } = found?.release ?? {};
    pointers.push({ region, names, version: found?.version, copiedFrom, previousImageId, provenBy });
  }
  return JSON.stringify({ copies, pointers, left: await regions.leftovers() }, null, 1);
}

/** As before the first release, but for what it did with the image that was baked. */
async function forget({ lab, regions, config, imageId }: Setting): Promise<void> {
  await regions.deleteCopy(CHANNEL, config);
  await regions.forgetPointer(CHANNEL);
  await rm(join(lab.stateFolder, 'releases', `${imageId}-${CHANNEL}.json`), { force: true });
}

/** @returns whether it was there to be killed */
async function killedAfter(setting: Setting, calls: number): Promise<boolean> {
  const { lab } = setting;
  const before = await callsOf(lab);
  const run = start(releaseArgs(setting), lab.environment);
  await poll(async () => ((await callsOf(lab)) - before >= calls || run.exitCode !== null ? true : null), {
    timeoutMs: 300_000,
    intervalMs: 3,
  });
  const wasThere = run.exitCode === null;
  await lab.killTree(run.pid);
  await run;
  return wasThere;
}

/** @returns what is not as it should be */
async function killAndGoOn(setting: Setting, calls: number, expected: string): Promise<string[]> {
  await forget(setting);
  const wasThere = await killedAfter(setting, calls);
  const step = (await setting.regions.stateOf(setting.imageId, CHANNEL))?.regions[1]?.step ?? 'nothing written';
  const problems = [...(wasThere ? [] : ['it had ended']), ...(await setting.regions.dishonest())];
  const again = await cli(releaseArgs(setting), setting.lab.environment);
  if (again.exitCode !== 0) problems.push(`the same command ended with ${again.exitCode}: ${again.all.slice(-1500)}`);
  const found = await made(setting);
  if (found !== expected) problems.push(`it made\n${found}\nand not\n${expected}`);
  const told = problems.join('; ') || 'as if nothing had happened';
  console.log(`after call ${String(calls).padStart(3)}  at ${step.padEnd(16)}  ${told}`);
  return problems;
}

await withLab(async (lab, signal) => {
  const regions = await TwoRegions.open(lab);
  try {
    const config = await regions.configWith('snapshot');
    const ami = await cli(['ami', '--config', config, '--json'], lab.environment, { signal });
    if (ami.exitCode !== 0) throw new Error(ami.all);
    const setting = { lab, regions, config, imageId: String(events(ami).at(-1)?.['imageId']) };
    const first = await cli(releaseArgs(setting), lab.environment, { signal });
    if (first.exitCode !== 0) throw new Error(first.all);
    await forget(setting);
    // The second finds the image shared already, as all that follow do.
    const before = await callsOf(lab);
    const second = await cli(releaseArgs(setting), lab.environment, { signal });
    if (second.exitCode !== 0) throw new Error(second.all);
    const calls = (await callsOf(lab)) - before;
    const expected = await made(setting);
    console.log(`a release that nobody kills makes ${calls} calls and\n${expected}`);
    let good = 0;
    for (let point = 1; point <= POINTS; point += 1) {
      signal.throwIfAborted();
      const problems = await killAndGoOn(setting, Math.max(1, Math.round((point * (calls - 1)) / POINTS)), expected);
      if (problems.length === 0) good += 1;
    }
    console.log(`${good} of ${POINTS} went on as if nothing had happened`);
    process.exitCode = good === POINTS ? 0 : 1;
  } finally {
    regions.close();
  }
});
