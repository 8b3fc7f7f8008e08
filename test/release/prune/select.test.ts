import { describe, expect, test } from 'vitest';
import type { CatalogImage } from '../../../src/release/catalog.ts';
import { CHANNELS } from '../../../src/release/channels.ts';
import {
  furthest,
  LEAST_UNJUDGED_MS,
  type PruneInput,
  type PruneRules,
  selectForPrune,
} from '../../../src/release/prune/select.ts';

const DAY = 24 * 60 * 60_000;
const NOW = Date.parse('2026-11-27T00:00:00Z');
const RULES: PruneRules = { olderThanMs: 30 * DAY, keep: 1, channel: null, profile: null, now: NOW };

/** An image that passed, so many days old. */
function image(imageId: string, days: number, more: Partial<CatalogImage> = {}): CatalogImage {
  const verdict = more.verdict ?? 'passed';
  const tags = verdict === 'not-run' ? {} : { 'ecs-host:verdict': verdict };
  return {
    imageId,
    imageName: imageId,
    profile: 'p',
    createdAt: new Date(NOW - days * DAY).toISOString(),
    state: 'available',
    verdict,
    withdrawn: null,
    copiedFrom: null,
    isUnderRelease: false,
    snapshotIds: [`snap-${imageId}`],
    protection: null,
    deprecatedAt: null,
    lastLaunchedAt: null,
    madeFrom: null,
    ...more,
    tags: { ...tags, ...more.tags },
  };
}

function layer(imageId: string, days: number, digest: string, more: Partial<CatalogImage> = {}): CatalogImage {
  return image(imageId, days, { ...more, verdict: 'not-run', tags: { 'ecs-host:layer': digest, ...more.tags } });
}

function input(images: readonly CatalogImage[], more: Partial<PruneInput> = {}): PruneInput {
  return { images, uses: new Map(), returns: new Map(), channels: new Map(), ...more };
}

function gone(of: PruneInput, rules: Partial<PruneRules> = {}): string[] {
  return selectForPrune(of, { ...RULES, ...rules }).selected.map(({ image: { imageId } }) => imageId);
}

function whyKept(of: PruneInput, imageId: string, rules: Partial<PruneRules> = {}): string | undefined {
  const { spared } = selectForPrune(of, { ...RULES, ...rules });
  return spared.find((each) => each.image.imageId === imageId)?.reason;
}

describe('by the rules', () => {
  test('what is old and not among the newest goes, the oldest first', () => {
    const all = input([image('new', 1), image('b', 40), image('a', 50), image('young', 29)]);
    expect(gone(all)).toEqual(['a', 'b']);
    expect(gone(all, { keep: 3 })).toEqual(['a']);
    expect(gone(all, { olderThanMs: 45 * DAY })).toEqual(['a']);
    expect(gone(all, { olderThanMs: 0, keep: 0 })).toEqual(['a', 'b', 'young']);
  });

  test('each profile counts for itself, and one alone can be meant', () => {
    const all = input([
      image('p1', 40),
      image('p2', 50),
      image('q1', 60, { profile: 'q' }),
      image('q2', 70, { profile: 'q' }),
    ]);
    expect(gone(all)).toEqual(['q2', 'p2']);
    expect(gone(all, { profile: 'q' })).toEqual(['q2']);
  });

  test('a channel is what an image reached, and no further', () => {
    const channels = new Map([['b', 'nightly'] as const, ['c', 'stable'] as const]);
    const all = input([image('new', 1), image('a', 40), image('b', 50), image('c', 60)], { channels });
    expect(gone(all, { channel: 'nightly' })).toEqual(['b']);
    expect(gone(all, { channel: 'none' })).toEqual(['a']);
    expect(furthest('stable', 'nightly')).toBe('stable');
    expect(furthest(undefined, 'nightly')).toBe('nightly');
  });

  test('what nobody judged goes first, then what failed, what was withdrawn, and the rest; none of them counts', () => {
    const all = input([
      image('good', 40),
      image('old', 90),
      image('taken-back', 31, { withdrawn: 'x' }),
      image('failed', 32, { verdict: 'failed' }),
      image('unjudged', 33, { verdict: 'not-run' }),
    ]);
    expect(gone(all)).toEqual(['unjudged', 'failed', 'taken-back', 'old']);
  });

  test('what may still be under test stays, however short the age that was asked for', () => {
    const days = LEAST_UNJUDGED_MS / DAY;
    const all = input([image('b', days / 2, { verdict: 'not-run' }), image('c', days * 2, { verdict: 'not-run' })]);
    expect(gone(all, { olderThanMs: 0 })).toEqual(['c']);
  });

  test('what was launched from, by whomever, within that age stays', () => {
    const lastLaunchedAt = '2026-11-20T00:00:00.000Z';
    const all = input([image('new', 1), image('a', 90, { lastLaunchedAt })]);
    expect(whyKept(all, 'a')).toBe('an instance was launched from it on 2026-11-20');
    expect(gone(all, { olderThanMs: 5 * DAY })).toEqual(['a']);
  });
});

describe('never', () => {
  const newer = image('new', 1);
  test.each<[string, CatalogImage, Partial<PruneInput>]>([
    ['used by instance i-1 and 1 more', image('a', 90), { uses: new Map([['a', ['instance i-1', 'pointer p/beta']]]) }],
    ['a rollback of p/stable goes back to it', image('a', 90), { returns: new Map([['a', 'p/stable']]) }],
    ['a release is under way with it', image('a', 90, { isUnderRelease: true }), {}],
    ['it is being made', image('a', 90, { state: 'pending', verdict: 'not-run' }), {}],
    ['not old enough', image('a', 90, { createdAt: '' }), {}],
  ])('%s', (why, kept, more) => {
    expect(whyKept(input([newer, kept], more), 'a', { keep: 0, olderThanMs: 0 })).toBe(why);
  });

  test('the last good one of a profile, whatever came after it that is not', () => {
    const all = input([
      image('newest', 1, { verdict: 'failed' }),
      image('withdrawn', 2, { withdrawn: 'x' }),
      image('last', 90),
    ]);
    expect(whyKept(all, 'last', { keep: 0, olderThanMs: 0 })).toBe('the last good one of p');
  });

  test('the newest layer of a profile, and those that something that stays was made from', () => {
    const all = input([
      layer('l-new', 50, 'd3'),
      layer('l-digest', 60, 'd2'),
      layer('l-below', 80, 'd0'),
      layer('l-free', 90, 'd9'),
      image('kept', 1, { tags: { 'ecs-host:layer': 'd2', 'ecs-host:source-image': 'ami-base' }, madeFrom: 'l-source' }),
      layer('l-source', 70, 'd1', { tags: { 'ecs-host:source-image': 'l-below' } }),
      image('gone', 91, { tags: { 'ecs-host:source-image': 'l-free' } }),
    ]);
    expect(gone(all)).toEqual(['gone', 'l-free']);
    expect(whyKept(all, 'l-new')).toBe('the newest layer of p');
    expect(whyKept(all, 'l-digest')).toBe('a layer of kept');
    expect(whyKept(all, 'l-below')).toBe('a layer of l-source');
  });

  test('a layer that another profile needs, which is not meant now', () => {
    const all = input([
      image('q', 90, { profile: 'q', tags: { 'ecs-host:source-image': 'l-old' } }),
      layer('l-new', 50, 'd2'),
      layer('l-old', 60, 'd1'),
    ]);
    expect(gone(all, { profile: 'p' })).toEqual([]);
  });
});

/** A linear congruential generator: the same cases in every run. */
function* numbers(seed: number): Generator<(below: number) => number> {
  let state = seed;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  for (;;) yield next;
}

function anyInput(pick: (below: number) => number): PruneInput {
  const images = Array.from({ length: 1 + pick(30) }, (_, at): CatalogImage => {
    const verdict = (['passed', 'failed', 'not-run'] as const)[pick(3)] ?? 'passed';
    const isLayer = pick(5) === 0;
    return image(`ami-${at}`, pick(200) - 2, {
      profile: `p${pick(3)}`,
      verdict: isLayer ? 'not-run' : verdict,
      withdrawn: pick(6) === 0 ? 'x' : null,
      isUnderRelease: pick(8) === 0,
      state: pick(8) === 0 ? 'pending' : 'available',
      tags: {
        ...(isLayer ? { 'ecs-host:layer': `d${pick(4)}` } : {}),
        ...(pick(2) === 0 ? { 'ecs-host:source-image': `ami-${pick(30)}` } : {}),
      },
    });
  });
  const some = (): string[] => images.flatMap(({ imageId }) => (pick(4) === 0 ? [imageId] : []));
  return {
    images,
    uses: new Map(some().map((id) => [id, ['instance i-1']])),
    returns: new Map(some().map((id) => [id, 'p/stable'])),
    channels: new Map(some().map((id) => [id, CHANNELS[pick(3)] ?? 'beta'])),
  };
}

test('whatever there is and whatever the rules: nothing that is needed goes, and everything has its reason', () => {
  const [pick] = numbers(7) as unknown as Iterable<(below: number) => number>;
  if (!pick) throw new Error('no numbers');
  for (let round = 0; round < 500; round += 1) {
    const all = anyInput(pick);
    const rules: PruneRules = {
      olderThanMs: pick(100) * DAY,
      keep: pick(4),
      channel: ([...CHANNELS, 'none', null, null] as const)[pick(6)] ?? null,
      profile: pick(2) === 0 ? `p${pick(3)}` : null,
      now: NOW,
    };
    const { selected, spared } = selectForPrune(all, rules);
    const ids = new Set(selected.map(({ image: { imageId } }) => imageId));
    const meant = all.images.filter(({ profile }) => rules.profile === null || profile === rules.profile);
    expect(selected.length + spared.length).toBe(meant.length);
    for (const { imageId, isUnderRelease, state, profile } of all.images) {
      const isNeeded = all.uses.has(imageId) || all.returns.has(imageId) || isUnderRelease || state === 'pending';
      if (isNeeded || (rules.profile !== null && profile !== rules.profile)) expect(ids.has(imageId)).toBe(false);
    }
    const stays = all.images.filter(({ imageId }) => !ids.has(imageId));
    for (const profile of ['p0', 'p1', 'p2']) {
      const good = (each: CatalogImage): boolean =>
        each.profile === profile &&
        each.verdict === 'passed' &&
        each.withdrawn === null &&
        each.state === 'available' &&
        !each.isUnderRelease;
      if (all.images.some(good)) expect(stays.some(good), `a good one of ${profile}`).toBe(true);
    }
    for (const each of selected.filter(({ image: { tags } }) => tags['ecs-host:layer'] !== undefined))
      expect(stays.some(({ tags }) => tags['ecs-host:source-image'] === each.image.imageId)).toBe(false);
  }
});
