import { beforeEach, describe, expect, test, vi } from 'vitest';
import { readRecord, saveRecord } from '../../src/image/image-store.ts';
import { EcsHostError } from '../../src/io/errors.ts';
import type { Channel } from '../../src/release/channels.ts';
import { CHANNELS, pointerNames } from '../../src/release/channels.ts';
import type { Release } from '../../src/release/pointer.ts';
import type { Smoke } from '../../src/release/prove.ts';
import { type ReleaseResult, releaseImage } from '../../src/release/release.ts';
import { readState } from '../../src/release/release-state.ts';
import { createContext } from '../../src/run/context.ts';
import { newRunId } from '../../src/run/run-id.ts';
import { TAG } from '../../src/run/tags.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { Killed, planTo, World } from './world.ts';

const HOME = 'us-west-2';
const OTHERS = ['us-east-1', 'us-east-2'];
const ALL = [HOME, ...OTHERS];
const BAKED = 'ami-1';
const ORGANIZATION = 'arn:aws:organizations::111122223333:organization/o-exampleorgid';
const SETTINGS = {
  share: { accounts: ['111122223333'], organizations: [ORGANIZATION], organizationalUnits: [] },
  deprecateAfterDays: 30,
  protect: true,
};

beforeEach(() => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
});

function passes(result: 'passed' | 'failed' = 'passed'): { smoke: Smoke; smoked: string[] } {
  const smoked: string[] = [];
  const smoke: Smoke = async ({ imageId, plan }) => {
    smoked.push(`${plan.apiRegion} ${imageId} ${plan.network.securityGroup.id}`);
    const checks = [{ id: 'a', title: 'a', expected: 'b', actual: 'c', verdict: 'incorrect' as const }];
    return {
      verdict: result,
      runId: `r-${plan.apiRegion}`,
      finishedAt: '2026-11-27T00:00:00.000Z',
      instanceIds: [],
      placement: null,
      checks: result === 'passed' ? [] : checks,
      evidence: [],
      isComplete: true,
    };
  };
  return { smoke, smoked };
}

type How = { smoke?: Smoke; channel?: Channel; plan?: ReturnType<typeof planTo>; signal?: AbortSignal; runId?: string };

function release(world: World, how: How = {}): Promise<ReleaseResult> {
  const { smoke = passes().smoke, channel = 'nightly', plan = planTo(OTHERS, SETTINGS), runId = newRunId() } = how;
  const signal = how.signal ?? new AbortController().signal;
  const reporter = { emit: () => {}, close: async () => {} };
  return releaseImage({
    ...{ plan, channel, smoke, pauseMs: 1 },
    imageId: BAKED,
    ctx: createContext({ runId, reporter, signal }),
    endpointUrl: 'http://127.0.0.1:1',
    connect: (apiRegion) => world.connect(apiRegion),
    keep: null,
  });
}

async function baked(verdict = 'passed'): Promise<World> {
  const world = new World(ALL);
  world.addBaked(HOME, BAKED, verdict);
  const smoke = {
    verdict: 'passed' as const,
    runId: 'r-smoke',
    finishedAt: '',
    instanceIds: [],
    checks: [],
    evidence: [],
  };
  await saveRecord({ ...aRecord(BAKED), smoke: verdict === 'passed' ? { ...smoke, placement: null } : null });
  return world;
}

function pointerIn(
  world: World,
  name: string,
  channel: Channel = 'nightly',
): { imageId: string | null; release: Release } {
  const { parameters } = world.region(name);
  const names = pointerNames('p', channel);
  return {
    imageId: parameters.get(names.imageId)?.Value ?? null,
    release: JSON.parse(parameters.get(names.release)?.Value ?? 'null') as Release,
  };
}

/** All that must not depend on how often the release was interrupted. */
function endOf(world: World): object {
  const { regions } = world;
  return Object.fromEntries(
    [...regions].map(([name, { images, snapshots, parameters }]) => [
      name,
      {
        images: [...images.values()].map(({ token: _, looks: __, deprecatedAt, ...image }) => ({
          ...image,
          isDeprecated: deprecatedAt !== null,
        })),
        snapshots: [...snapshots.values()],
        parameters: [...parameters].map(([key, { Value }]) => [key, Value.replaceAll(/"20[^"]*Z"/g, 'then')]),
      },
    ]),
  );
}

/** What must hold at every moment. */
function expectHonest(world: World): void {
  for (const [name, { images }] of world.regions)
    for (const channel of CHANNELS) {
      const { imageId } = pointerIn(world, name, channel);
      if (imageId !== null) expect(images.get(imageId)?.tags[TAG.verdict], `${channel} in ${name}`).toBe('passed');
    }
}

describe('a release', () => {
  test('copies, compares, shares and publishes in all regions, and each copy has a record', async () => {
    const world = await baked();
    const result = await release(world);
    expect(result).toMatchObject({ id: `${BAKED}-nightly`, isNew: true });
    expect(result.regions.map(({ name, imageId }) => [name, imageId])).toEqual([
      ['home', BAKED],
      ['us-east-1', 'ami-useast11'],
      ['us-east-2', 'ami-useast21'],
    ]);
    const [copy] = world.region('us-east-1').images.values();
    expect(copy).toMatchObject({ state: 'available', imds: 'v2.0', isProtected: true });
    expect(copy?.launch).toEqual(['111122223333', ORGANIZATION]);
    expect(copy?.tags).toEqual({
      [TAG.runId]: 'r-20261126120000-abcdef',
      [TAG.planDigest]: 'd1',
      [TAG.commit]: 'c1',
      [TAG.copiedFrom]: 'us-west-2/ami-1',
      [TAG.verdict]: 'passed',
      [TAG.smokeRunId]: 'r-smoke',
    });
    const [snapshot] = world.region('us-east-1').snapshots.values();
    expect(snapshot).toMatchObject({ keyId: 'arn:alias/mine', users: ['111122223333'] });
    expect(pointerIn(world, 'us-east-1')).toMatchObject({
      imageId: 'ami-useast11',
      release: { provenBy: 'snapshot', copiedFrom: { imageId: BAKED, apiRegion: HOME }, previousImageId: null },
    });
    expect(pointerIn(world, HOME)).toMatchObject({ imageId: BAKED, release: { provenBy: 'smoke', copiedFrom: null } });
    expect(await readRecord('ami-useast11')).toMatchObject({
      region: 'us-east-1',
      copiedFrom: { imageId: BAKED, apiRegion: HOME },
      smoke: { verdict: 'passed', runId: 'r-smoke' },
    });
    expect(await readState(result.id)).toMatchObject({ finishedAt: expect.any(String) });
  });

  test('of what is released already changes nothing', async () => {
    const world = await baked();
    await release(world);
    const before = endOf(world);
    world.calls.length = 0;
    expect(await release(world)).toMatchObject({ isNew: false });
    expect(endOf(world)).toEqual(before);
    expect(world.calls.filter((call) => !/Describe|Get|List/.test(call))).toEqual([]);
  });

  test('to another channel takes the copies that are there', async () => {
    const world = await baked();
    await release(world);
    await release(world, { channel: 'stable' });
    expect([...world.region('us-east-1').images]).toHaveLength(1);
    expect(pointerIn(world, 'us-east-1', 'stable').imageId).toBe('ami-useast11');
  });

  test('names the image that the pointer named before', async () => {
    const world = await baked();
    world.region('us-east-1').parameters.set(pointerNames('p', 'nightly').imageId, { Value: 'ami-old', Version: 4 });
    world.region('us-east-1').images.set('ami-old', {
      ...{
        id: 'ami-old',
        name: 'old',
        state: 'available',
        looks: 9,
        tags: { [TAG.verdict]: 'passed' },
        snapshotId: 's',
      },
      ...{ imds: 'v2.0', launch: [], deprecatedAt: null, isProtected: false, token: null },
    });
    await release(world);
    expect(pointerIn(world, 'us-east-1').release.previousImageId).toBe('ami-old');
    expect(pointerIn(world, HOME).release.previousImageId).toBeNull();
  });

  test('smokes what has no verdict first, and then each copy in its own region', async () => {
    const world = await baked('not-run');
    const { smoke, smoked } = passes();
    await release(world, { smoke, plan: planTo(OTHERS, { verifyCopies: 'smoke' }) });
    expect(smoked[0]).toBe('us-west-2 ami-1 sg-1');
    expect(smoked.slice(1).toSorted()).toEqual(['us-east-1 ami-useast11 sg-9', 'us-east-2 ami-useast21 sg-9']);
    expect(pointerIn(world, 'us-east-1').release.provenBy).toBe('smoke');
    expect(await readRecord('ami-useast21')).toMatchObject({ smoke: { runId: 'r-us-east-2' } });
    expect(await readRecord(BAKED)).toMatchObject({ smoke: { runId: 'r-us-west-2' } });
  });
});

describe('no pointer moves', () => {
  async function fails(world: World, how: How = {}): Promise<EcsHostError> {
    const error = await release(world, how).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EcsHostError);
    expect(ALL.map((name) => pointerIn(world, name).imageId)).toEqual([null, null, null]);
    return error as EcsHostError;
  }

  test('and nothing is copied when the image fails its smoke test', async () => {
    const world = await baked('not-run');
    expect(await fails(world, { smoke: passes('failed').smoke })).toMatchObject({
      code: 'SMOKE_FAILED',
      kind: 'verdict',
    });
    expect([...world.region('us-east-1').images]).toEqual([]);
  });

  test('when one copy fails; it is removed with its snapshot, and the same command makes another', async () => {
    const world = await baked();
    world.region('us-east-1').copiesEnd = 'failed';
    const error = await fails(world);
    expect(error).toMatchObject({ code: 'COPY_FAILED', kind: 'outside' });
    expect(error.message).toContain('the key is not there');
    const { images, snapshots } = world.region('us-east-1');
    expect([...images, ...snapshots]).toEqual([]);
    // The other went on as far as it comes by itself.
    expect([...world.region('us-east-2').images.values()][0]?.tags[TAG.verdict]).toBe('passed');
    world.region('us-east-1').copiesEnd = 'available';
    await release(world);
    expect(pointerIn(world, 'us-east-1').imageId).toBe('ami-useast12');
  });

  test('when a copy holds something else', async () => {
    const world = await baked();
    world.region('us-east-2').copiesHold = 'bakes';
    expect(await fails(world)).toMatchObject({ code: 'COPY_FAILED' });
    expect([...world.region('us-east-2').images]).toEqual([]);
  });

  test('when copies fail in several regions: each is told', async () => {
    const world = await baked();
    for (const name of OTHERS) world.region(name).copiesEnd = 'failed';
    const error = await fails(world);
    expect(error).toMatchObject({ code: 'RELEASE_INCOMPLETE' });
    expect(error.details.map(({ where, code }) => [where, code])).toEqual(OTHERS.map((name) => [name, 'COPY_FAILED']));
  });

  test.each<[string, Record<string, string>]>([
    ['is a copy itself', { [TAG.copiedFrom]: 'us-east-2/ami-9' }],
    ['was withdrawn', { [TAG.withdrawn]: 'yesterday' }],
    ['is a layer', { [TAG.layer]: 'd' }],
    ['is of another plan', { [TAG.planDigest]: 'd2' }],
  ])('when the image %s', async (_what, tags) => {
    const world = await baked();
    Object.assign(world.region(HOME).images.get(BAKED)?.tags ?? {}, tags);
    expect(await fails(world)).toMatchObject({ code: 'RELEASE_IMPOSSIBLE', kind: 'user' });
    expect([...world.region('us-east-1').images]).toEqual([]);
  });

  test('when the name of a copy is taken by another image', async () => {
    const world = await baked();
    world.addBaked('us-east-1', 'ami-other', 'passed');
    expect(await fails(world)).toMatchObject({ code: 'RELEASE_NAME_TAKEN' });
  });

  test('while another process works on the same release', async () => {
    const world = await baked();
    const controller = new AbortController();
    const { smoke } = passes();
    const runId = newRunId();
    Object.assign(world.region(HOME).images.get(BAKED)?.tags ?? {}, { [TAG.verdict]: 'not-run' });
    let second: Promise<unknown> = Promise.resolve();
    const slow: Smoke = async (input) => {
      second = release(world).catch((reason: unknown) => reason);
      await second;
      return smoke(input);
    };
    await release(world, { smoke: slow, runId, signal: controller.signal });
    expect(await second).toMatchObject({ code: 'RELEASE_UNDER_WAY', kind: 'user' });
  });
});

test('a copy that lost its setting of IMDS gets it back', async () => {
  const world = await baked();
  world.region('us-east-1').losesImds = true;
  await release(world);
  expect([...world.region('us-east-1').images.values()][0]?.imds).toBe('v2.0');
});

test('Ctrl-C leaves what is done, and says how it goes on', async () => {
  const world = await baked();
  const controller = new AbortController();
  const stop = new EcsHostError('interrupted', 'INTERRUPTED', 'Interrupted.');
  const smoke: Smoke = async () => {
    controller.abort(stop);
    throw stop;
  };
  Object.assign(world.region(HOME).images.get(BAKED)?.tags ?? {}, { [TAG.verdict]: 'not-run' });
  await expect(release(world, { smoke, signal: controller.signal })).rejects.toMatchObject({
    code: 'RELEASE_INTERRUPTED',
    hint: expect.stringContaining('the same command goes on'),
  });
  await release(world);
  expectHonest(world);
});

/** What only looks has no effect that a crash could be on either side of. */
function isLook(call: string): boolean {
  return / (Describe|Get|List)/.test(call);
}

/** Enough for pointers that move one after the other. */
const TO_ONE = { plan: planTo(['us-east-1'], SETTINGS) };

describe('a release that was killed', () => {
  // A whole one, to begin with.
  const measured = async () => {
    const world = await baked();
    await release(world, TO_ONE);
    return { calls: [...world.calls], end: endOf(world) };
  };

  test.each([
    ['before a call has an effect', false],
    ['before its answer has come', true],
  ])('%s goes on and ends as if nothing had happened', async (_when, isDone) => {
    const { calls, end } = await measured();
    const places = calls.map((_call, at) => at + 1).filter((at) => !isLook(calls[at - 1] ?? '') || at % 12 === 0);
    expect(places.length).toBeGreaterThan(15);
    for (const place of places) {
      vi.stubEnv('ECS_HOST_STATE', tempFolder());
      const world = await baked();
      world.killAt(place, isDone);
      await expect(release(world, TO_ONE)).rejects.toThrow(Killed);
      expectHonest(world);
      world.killAt(null);
      await release(world, TO_ONE);
      expectHonest(world);
      expect(endOf(world), `killed at ${place}: ${calls[place - 1]}`).toEqual(end);
    }
  });

  test('and whose state file is lost does so, too', async () => {
    const { calls, end } = await measured();
    const places = calls.map((_call, at) => at + 1).filter((at) => !isLook(calls[at - 1] ?? ''));
    for (const place of places.filter((_place, at) => at % 3 === 0)) {
      vi.stubEnv('ECS_HOST_STATE', tempFolder());
      const world = await baked();
      world.killAt(place, true);
      await expect(release(world, TO_ONE)).rejects.toThrow(Killed);
      vi.stubEnv('ECS_HOST_STATE', tempFolder());
      await saveRecord(aRecord(BAKED));
      world.killAt(null);
      await release(world, TO_ONE);
      expectHonest(world);
      expect(endOf(world), `killed at ${place}: ${calls[place - 1]}`).toEqual(end);
    }
  });
});
