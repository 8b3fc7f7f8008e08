import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import callerPolicy from '../../src/bootstrap/policies/caller.json' with { type: 'json' };
import { poll } from '../../src/io/wait-until.ts';
import type { Channel } from '../../src/release/channels.ts';
import type { ReleaseState } from '../../src/release/release-state.ts';
import { ec2TagsAsObject } from '../../src/run/tags.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events, start } from './support.ts';
import { EAST, PROFILE, TwoRegions, WEST } from './two-regions.ts';

/** Releases to two regions of the lab, and what becomes of them when the command is killed. */
let lab: LabHandle;
let regions: TwoRegions;
let config: string;
let imageId: string;

beforeAll(async () => {
  lab = await startLabForTests();
  regions = await TwoRegions.open(lab);
  config = await regions.configWith('snapshot');
  const run = await cli(['ami', '--config', config, '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  imageId = String(events(run).at(-1)?.['imageId']);
});
afterAll(async () => {
  regions?.close();
  await lab?.down();
});

function args(channel: string, file = config): string[] {
  return ['release', 'run', imageId, '--channel', channel, '--config', file];
}

/** Kills a release as soon as it has written down what it is about to do, and waits for its end. */
async function killedAt(channel: Channel, file: string, isThere: (state: ReleaseState) => boolean): Promise<void> {
  const run = start(args(channel, file), lab.environment);
  const seen = await poll(
    async () => {
      const state = await regions.stateOf(imageId, channel);
      return run.exitCode !== null || (state !== null && isThere(state)) ? true : null;
    },
    { timeoutMs: 300_000, intervalMs: 5 },
  );
  expect(seen).toBe(true);
  await lab.killTree(run.pid);
  await run;
}

function isAt(step: string): (state: ReleaseState) => boolean {
  return (state) => state.regions[1]?.step === step;
}

/** One copy, named by both pointers, and nothing else. */
async function expectReleased(channel: Channel, provenBy: string): Promise<void> {
  const copies = await regions.ownImages(EAST);
  expect(copies).toHaveLength(1);
  const [copy] = copies;
  expect(await regions.pointer(WEST, channel)).toMatchObject({ imageId, version: 1 });
  expect(await regions.pointer(EAST, channel)).toMatchObject({
    imageId: copy?.ImageId,
    version: 1,
    release: { provenBy, copiedFrom: { imageId, apiRegion: WEST } },
  });
  expect(await regions.leftovers()).toEqual([]);
}

describe('a release to two regions, the copy compared by its content', () => {
  test.each<[string, (state: ReleaseState) => boolean]>([
    ['it begins', () => true],
    ['it asks for the copy', isAt('copy')],
    ['the copy is made', isAt('wait')],
    ['it checks the copy', isAt('check')],
    ['it compares the copy', isAt('prove')],
    ['it shares the copy', isAt('share')],
    ['all is ready', isAt('publish')],
    ['the pointers move', ({ releasedAt }) => releasedAt !== null],
  ])('is killed when %s', async (_when, isThere) => {
    await killedAt('nightly', config, isThere);
    expect(await regions.dishonest()).toEqual([]);
  });

  test('and then ends as if nothing had happened', async () => {
    const run = await cli([...args('nightly'), '--json'], lab.environment);
    expect(run.exitCode, run.all).toBe(0);
    await expectReleased('nightly', 'snapshot');
    const [copy] = await regions.ownImages(EAST);
    const [source] = await regions.ownImages(WEST);
    const { 'ecs-host:copied-from': origin, ...tags } = ec2TagsAsObject(copy?.Tags);
    expect(origin).toBe(`${WEST}/${imageId}`);
    expect(tags).toEqual(ec2TagsAsObject(source?.Tags));
    expect(copy).toMatchObject({ ImdsSupport: 'v2.0', DeprecationTime: expect.any(String) });
    const shown = await cli(['image', 'show', copy?.ImageId ?? '', '--json'], lab.environment);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ region: 'local-east', apiRegion: EAST, copiedFrom: { imageId, apiRegion: WEST } },
      smoke: { verdict: 'passed' },
    });
  });

  test('is shown by status, and once more it changes nothing', async () => {
    const again = await cli([...args('nightly'), '--json'], lab.environment);
    expect(events(again).at(-1)).toMatchObject({ type: 'result', isNew: false });
    const status = await cli(['release', 'status', '--config', config, '--json'], lab.environment);
    expect(status.exitCode, status.all).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      profile: PROFILE,
      channels: [
        { channel: 'nightly', region: 'local', imageId, verdict: 'passed', version: 1 },
        { channel: 'nightly', region: 'local-east', verdict: 'passed', version: 1 },
      ],
      underWay: [],
    });
  });
});

describe('a copy that is smoked in its own region', () => {
  test('is proven there after a kill in the middle of its smoke test, and nothing of that is left', async () => {
    await regions.deleteCopy('nightly', config);
    const smoked = await regions.configWith('smoke');
    const run = start([...args('beta', smoked), '--plain'], lab.environment);
    await lab.waitForText(run, /ok {4}launch from the image/);
    await lab.killTree(run.pid);
    await run;
    expect(await regions.dishonest()).toEqual([]);
    const end = await cli([...args('beta', smoked), '--json'], lab.environment);
    expect(end.exitCode, end.all).toBe(0);
    await expectReleased('beta', 'smoke');
  });

  test('each call is one that AWS describes so, and that the policy of the caller allows', async () => {
    const answer = await fetch(`${lab.endpoint}/_lab/calls`);
    type Call = { service: string; action: string; from: string; errorCode?: string };
    const made = ((await answer.json()) as Call[]).filter(({ from }) => from === 'loopback');
    const invalid = made.filter(({ errorCode = '' }) =>
      /^(Unknown|Missing|Invalid)Parameter|^Validation/.test(errorCode),
    );
    expect(invalid).toEqual([]);
    // What this file asks for itself, and what everybody may.
    const allowed = new Set<string>([
      'kms:CreateKey',
      'kms:CreateAlias',
      'ssm:DeleteParameters',
      'sts:GetCallerIdentity',
    ]);
    for (const { Action } of callerPolicy.Statement) for (const each of [Action].flat()) allowed.add(each);
    const used = new Set(made.map(({ service, action }) => `${service}:${action}`));
    expect([...used].filter((each) => !allowed.has(each))).toEqual([]);
    expect([...used]).toEqual(expect.arrayContaining(['ec2:CopyImage', 'ssm:PutParameter', 'ebs:GetSnapshotBlock']));
  });
});
