import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { changed, failure, shipped } from './shipped.ts';

const G3S = 'profiles.g3s-focal';
const ORGANIZATION = 'arn:aws:organizations::111122223333:organization/o-exampleorgid';

/** The shipped file with a release of its GPU host, which all its successors have from it. */
function released(release: string, text?: string): string {
  return changed('    awsCli: { source: aws }\n', `    awsCli: { source: aws }\n    release: { ${release} }\n`, text);
}

/** With a key in both regions of AWS. */
function withKeys(text: string, key = 'alias/ecs-host'): string {
  return text.replaceAll(/^ {2}us-east-\d:\n/gm, (line) => `${line}    kmsKey: ${key}\n`);
}

describe('the release of a profile', () => {
  test('is taken over by a profile that is like it, key by key', () => {
    const text = changed(
      '    instanceType: g6.xlarge\n',
      '    instanceType: g6.xlarge\n    release: { protect: true, share: { accounts: null } }\n',
      withKeys(
        released(`regions: [us-east-1], share: { accounts: ["111122223333"], organizations: [${ORGANIZATION}] }`),
      ),
    );
    const { profiles } = parseConfig(text, 'hosts.yaml').config;
    expect(profiles['g5-jammy']?.release).toEqual(profiles['g3s-focal']?.release);
    expect(profiles['g6-noble']?.release).toEqual({
      regions: ['us-east-1'],
      protect: true,
      share: { organizations: [ORGANIZATION] },
    });
  });

  test.each([
    ['a region that is not there', 'regions: [us-east-2, us-east-3]', 'RELEASE_REGION_UNKNOWN', 'release.regions[1]'],
    ['the lab beside AWS', 'regions: [us-east-2, local]', 'RELEASE_LAB_MIXED', 'release.regions[1]'],
    ['an account without quotes', 'share: { accounts: [12] }', 'VALUE_TYPE', 'release.share.accounts[0]'],
    [
      'an organization by its id',
      'share: { organizations: [o-exampleorgid] }',
      'VALUE_FORM',
      'release.share.organizations[0]',
    ],
    ['no day at all', 'deprecateAfterDays: 0', 'VALUE_RANGE', 'release.deprecateAfterDays'],
  ])('is not %s', (_what, release, code, key) => {
    const [first] = failure(withKeys(released(release))).details;
    expect(first).toMatchObject({ code, key: `${G3S}.${key}`, hint: expect.any(String) });
  });

  test('names no region of the API twice', () => {
    const twice = changed(
      '  # The lab: ',
      '  virginia: { profile: g3s-focal, apiRegion: us-east-1, securityGroup: a, instanceProfile: b }\n  # The lab: ',
      released('regions: [us-east-1, virginia]'),
    );
    expect(failure(twice).details[0]).toMatchObject({ code: 'RELEASE_REGION_TWICE', key: `${G3S}.release.regions[1]` });
  });

  test.each([
    ['none', (text: string) => text],
    ['the default one by its name', (text: string) => withKeys(text, 'alias/aws/ebs')],
  ])('is not shared with a key that is %s', (_what, change) => {
    const text = change(released('share: { accounts: ["111122223333"] }'));
    expect(failure(text).details[0]).toMatchObject({ code: 'SHARE_NEEDS_KEY', key: `${G3S}.release.share` });
  });

  test('is shared where every region has a key of its own', () => {
    const text = withKeys(released('regions: [us-east-1], share: { accounts: ["111122223333"] }'));
    expect(parseConfig(text, 'hosts.yaml').config.regions['us-east-1']?.kmsKey).toBe('alias/ecs-host');
  });
});

test.each(['mine', 'alias/', 'key/1234abcd-12ab-34cd-56ef-1234567890ab'])('%s is no key', (key) => {
  expect(failure(withKeys(shipped, key)).details[0]).toMatchObject({
    code: 'VALUE_FORM',
    key: 'regions.us-east-2.kmsKey',
  });
});

test.each([
  'alias/ecs-host',
  '1234abcd-12ab-34cd-56ef-1234567890ab',
  'mrk-1234abcd12ab34cd56ef1234567890ab',
  'arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/ecs-host',
])('%s is a key', (key) => {
  expect(parseConfig(withKeys(shipped, key), 'hosts.yaml').config.regions['us-east-2']?.kmsKey).toBe(key);
});
