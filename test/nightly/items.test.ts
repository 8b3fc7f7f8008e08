import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { matrixOf, wantedItems } from '../../src/nightly/items.ts';
import { changed, failure, shipped } from '../config/shipped.ts';

const NIGHTLY = `
nightly:
  - { profile: g4dn-jammy, region: us-east-2 }
  - { profile: g6-noble, region: us-east-2 }
  - { profile: g4dn-jammy, region: us-east-1 }
`;
const { config } = parseConfig(shipped + NIGHTLY, 'hosts.yaml');
const { config: withoutKey } = parseConfig(shipped, 'hosts.yaml');

function wanted(profiles: string[] | null, regions: string[] | null, given = config): string[] {
  return wantedItems(given, { profiles, regions }, 'hosts.yaml').map(({ profile, region }) => `${profile} ${region}`);
}

describe('what a night is asked to do', () => {
  test.each([
    ['what hosts.yaml lists', null, null, ['g4dn-jammy us-east-2', 'g6-noble us-east-2', 'g4dn-jammy us-east-1']],
    ['what it lists of a region', null, ['us-east-2'], ['g4dn-jammy us-east-2', 'g6-noble us-east-2']],
    [
      "a region's own profile, where it lists nothing",
      null,
      ['local', 'us-east-1'],
      ['cpu-bookworm local', 'g4dn-jammy us-east-1'],
    ],
    ['what it lists of a profile', ['g4dn-jammy'], null, ['g4dn-jammy us-east-2', 'g4dn-jammy us-east-1']],
    ['the lab, for a profile that it does not list', ['cpu-bookworm'], null, ['cpu-bookworm local']],
    [
      'each in each, when both are named',
      ['g5-jammy', 'g6-noble'],
      ['us-east-1', 'us-east-2'],
      [...['g5-jammy us-east-1', 'g6-noble us-east-1'], ...['g5-jammy us-east-2', 'g6-noble us-east-2']],
    ],
    ['each only once', ['g5-jammy', 'g5-jammy'], ['us-east-1'], ['g5-jammy us-east-1']],
  ] as const)('%s', (_, profiles, regions, items) => {
    expect(wanted(profiles && [...profiles], regions && [...regions])).toEqual(items);
  });

  test('without the key in hosts.yaml, the lab', () => {
    expect(wanted(null, null, withoutKey)).toEqual(['cpu-bookworm local']);
  });

  test.each([
    [['g6-nobel'], null, 'PROFILE_UNKNOWN'],
    [null, ['us-east-3'], 'REGION_UNKNOWN'],
    [['g6-nobel'], ['us-east-2'], 'PROFILE_UNKNOWN'],
  ] as const)('%j in %j is a mistake', (profiles, regions, code) => {
    expect(() => wanted(profiles && [...profiles], regions && [...regions])).toThrow(
      expect.objectContaining({ kind: 'user', code }),
    );
  });
});

test('the matrix has a job for each profile, which does all of its regions; the lab is not for runners', () => {
  const items = wantedItems(config, { profiles: ['g4dn-jammy', 'g6-noble'], regions: ['us-east-2', 'us-east-1'] }, 'f');
  const lab = { profile: 'cpu-bookworm', region: 'local' };
  const regions = '--region us-east-2 --region us-east-1';
  expect(matrixOf(config, [...items, lab])).toEqual({
    include: [
      { profile: 'g4dn-jammy', regions, awsRegion: 'us-east-2' },
      { profile: 'g6-noble', regions, awsRegion: 'us-east-2' },
    ],
  });
  expect(matrixOf(config, [lab])).toEqual({ include: [] });
});

describe('nightly in hosts.yaml', () => {
  test.each([
    [
      'a profile that is not there',
      shipped + changed('g6-noble, region', 'g6-nobel, region', NIGHTLY),
      'nightly.[1].profile',
      'did you mean g6-noble?',
    ],
    [
      'a region that is not there',
      shipped + changed('region: us-east-1 }', 'region: us-east-3 }', NIGHTLY),
      'nightly.[2].region',
      'did you mean us-east-',
    ],
    ['no region', shipped + changed(', region: us-east-1 }', ' }', NIGHTLY), 'nightly.[2]', 'region'],
    ['the same twice', shipped + changed('g6-noble, region', 'g4dn-jammy, region', NIGHTLY), 'nightly', ''],
  ])('%s is a mistake', (_, text, key, hint) => {
    const { code, details } = failure(text);
    expect(code).toBe('CONFIG_INVALID');
    expect(details).toHaveLength(1);
    expect(details[0]?.key).toContain(key.replace('.[', '['));
    expect(`${details[0]?.hint} ${details[0]?.reason}`).toContain(hint);
  });
});

test('a profile that is baked where it is copied to is refused, in either direction', () => {
  const text = changed(
    '  g4dn-jammy:\n    like: g3s-focal\n',
    '  g4dn-jammy:\n    like: g3s-focal\n    release: { regions: [us-east-1], verifyCopies: snapshot }\n',
    shipped,
  );
  const { config: copying } = parseConfig(text, 'hosts.yaml');
  expect(wanted(['g4dn-jammy'], ['us-east-2'], copying)).toEqual(['g4dn-jammy us-east-2']);
  for (const regions of [
    ['us-east-2', 'us-east-1'],
    ['us-east-1', 'us-east-2'],
  ])
    expect(() => wanted(['g4dn-jammy'], regions, copying)).toThrow(
      expect.objectContaining({ code: 'NIGHTLY_OVERLAP' }),
    );
  expect(wanted(['g4dn-jammy', 'g6-noble'], ['us-east-1'], copying)).toHaveLength(2);
});
