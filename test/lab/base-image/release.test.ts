import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isMatch, UBUNTU, ubuntuReleaseFor } from '../../../lab/base-image/release.ts';

const TODAY = new Date('2026-11-27T10:00:00Z');
const CANONICAL = '099720109477';

type Profiles = Readonly<
  Record<string, { like?: string; os?: { codename?: string }; baseImage?: { ownerId?: string; name: string } }>
>;

async function profiles(): Promise<Profiles> {
  const text = await readFile(new URL('../../../hosts.yaml', import.meta.url), 'utf8');
  return (parse(text) as { profiles: Profiles }).profiles;
}

describe('the names of images', () => {
  test('are those that the profiles of hosts.yaml ask Canonical for', async () => {
    const asked = Object.values(await profiles()).filter(
      ({ os, baseImage }) => baseImage?.name.startsWith('ubuntu/') && os?.codename !== undefined,
    );
    expect(asked.length).toBeGreaterThan(2);
    for (const { os, baseImage } of asked)
      expect(ubuntuReleaseFor({ ownerId: CANONICAL, name: baseImage?.name ?? '' }, TODAY)?.codename).toBe(os?.codename);
  });

  test.each([
    ['another owner', { ownerId: '136693071363', name: 'ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-*' }],
    ['another release', { ownerId: CANONICAL, name: 'ubuntu/images/hvm-ssd/ubuntu-bionic-18.04-amd64-server-*' }],
    ['another architecture', { ownerId: CANONICAL, name: 'ubuntu/images/hvm-ssd/ubuntu-focal-20.04-arm64-server-*' }],
    ['noble on gp2', { ownerId: CANONICAL, name: 'ubuntu/images/hvm-ssd/ubuntu-noble-24.04-amd64-server-*' }],
    ['one that was', { ownerId: CANONICAL, name: 'ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-20250603' }],
  ])("are nobody else's: %s", (_, asked) => {
    expect(ubuntuReleaseFor(asked, TODAY)).toBeNull();
  });

  test('of several, the newest release is meant', () => {
    expect(ubuntuReleaseFor({ ownerId: CANONICAL, name: 'ubuntu/images/*' }, TODAY)?.codename).toBe('noble');
    expect(ubuntuReleaseFor({ ownerId: CANONICAL, name: 'ubuntu/images/hvm-ssd/*' }, TODAY)?.codename).toBe('jammy');
  });
});

test('a pattern takes what DescribeImages would', () => {
  expect(isMatch('a.*-?c', 'a.x/y-bc')).toBe(true);
  expect(isMatch('a.*-?c', 'axx-bc')).toBe(false);
  expect(isMatch('a', 'ab')).toBe(false);
});

test("Canonical's parameters name the release by version and codename, now and for a serial", () => {
  const { listing } = UBUNTU.noble;
  expect(listing.parameters('20261127')).toEqual([
    '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    '/aws/service/canonical/ubuntu/server/24.04/stable/20261127/amd64/hvm/ebs-gp3/ami-id',
    '/aws/service/canonical/ubuntu/server/noble/stable/current/amd64/hvm/ebs-gp3/ami-id',
    '/aws/service/canonical/ubuntu/server/noble/stable/20261127/amd64/hvm/ebs-gp3/ami-id',
  ]);
  expect(UBUNTU.focal.listing.parameters('1')).toContain(
    '/aws/service/canonical/ubuntu/server/20.04/stable/current/amd64/hvm/ebs-gp2/ami-id',
  );
});
