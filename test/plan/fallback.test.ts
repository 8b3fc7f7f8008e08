import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/io/reporter.ts';
import {
  asShortfall,
  inPlacements,
  NoCapacity,
  placementText,
  Shortfall,
  shortageOf,
} from '../../src/plan/fallback.ts';
import type { Placement } from '../../src/plan/placement.ts';
import { apiError } from '../run/fake-clients.ts';

function place(instanceType: string, zone: string): Placement {
  return { instanceType, zone, subnetId: `subnet-${zone}`, public: true, reason: 'public, by igw-1' };
}

const plan = {
  placements: [place('g5', 'a'), place('g5', 'b'), place('g6', 'a'), place('g6', 'b')],
  ...{ region: 'us-east-2', apiRegion: 'us-east-2' },
};

/** @param full code that a placement is refused with, by `type zone` */
async function launching(full: Readonly<Record<string, string>>) {
  const messages: Message[] = [];
  const asked: string[] = [];
  const reporter = { emit: (message: Message) => messages.push(message), close: async () => {} };
  const outcome = await inPlacements({ plan, reporter }, async ({ instanceType, zone }) => {
    const where = `${instanceType} ${zone}`;
    asked.push(where);
    const code = full[where];
    if (code !== undefined) throw asShortfall(apiError(code));
    return where;
  }).catch((error: unknown) => error);
  return { outcome, asked, messages };
}

const ICE = 'InsufficientInstanceCapacity';

describe('a placement without room', () => {
  test('is left for the next zone, then for the next type, and each is told', async () => {
    const { outcome, asked, messages } = await launching({ 'g5 a': ICE, 'g5 b': 'Unsupported' });
    expect(asked).toEqual(['g5 a', 'g5 b', 'g6 a']);
    expect(outcome).toMatchObject({
      result: 'g6 a',
      placement: {
        used: { instanceType: 'g6', zone: 'a' },
        tried: [
          { instanceType: 'g5', zone: 'a', region: 'us-east-2', code: ICE, why: `fake: ${ICE}` },
          { instanceType: 'g5', zone: 'b', code: 'Unsupported' },
        ],
      },
    });
    expect(messages).toMatchObject([
      { type: 'warning', code: 'PLACEMENT_LEFT', text: `g5 in a has no room (${ICE}); next is g5 in b.` },
      { type: 'warning', code: 'PLACEMENT_LEFT', details: [{ code: 'Unsupported', where: 'subnet-b' }] },
    ]);
  });

  test.each(['VcpuLimitExceeded', 'InstanceLimitExceeded', 'MaxSpotInstanceCountExceeded'])(
    '%s is of the whole region: all zones of the type are left',
    async (code) => {
      expect((await launching({ 'g5 a': code })).asked).toEqual(['g5 a', 'g6 a']);
    },
  );

  test('when none has room, all that was tried is in one error from outside', async () => {
    const { outcome } = await launching({ 'g5 a': 'VcpuLimitExceeded', 'g6 a': ICE, 'g6 b': ICE });
    expect(outcome).toBeInstanceOf(NoCapacity);
    expect(outcome).toMatchObject({
      ...{ kind: 'outside', code: 'NO_CAPACITY' },
      details: [{ where: 'g5 in a' }, { where: 'g6 in a' }, { where: 'g6 in b' }],
      tried: [{ code: 'VcpuLimitExceeded' }, { code: ICE }, { code: ICE }],
    });
  });

  test('any other error ends it at once', async () => {
    const { outcome, asked } = await launching({ 'g5 a': 'UnauthorizedOperation' });
    expect(asked).toEqual(['g5 a']);
    expect(outcome).toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

test('a record says in one line where something was made, and what was left before', () => {
  const tried = [{ ...place('g5', 'a'), region: 'us-east-2', code: ICE, why: '' }];
  expect(placementText({ used: place('g6', 'b'), tried })).toBe(`g6 in b, after g5 in a (${ICE})`);
  expect(placementText({ used: place('g6', 'b'), tried: [] })).toBe('g6 in b');
  expect(placementText(null)).toContain('not kept');
});

test('what an instance ended of is a shortage as well, behind the error that says so', () => {
  expect(shortageOf('Server.InsufficientInstanceCapacity', 'none')).toMatchObject({ code: ICE, isOfType: false });
  expect(shortageOf('Client.UserInitiatedShutdown', '')).toBeNull();
  const ended = new Error('Instance i-1 is terminated', { cause: apiError(`Server.${ICE}`) });
  expect(asShortfall(ended)).toBeInstanceOf(Shortfall);
  expect(asShortfall('text')).toBe('text');
});
