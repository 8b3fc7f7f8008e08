import { expect, test } from 'vitest';
import type { HostsConfig } from '../../src/config/hosts-config.ts';
import { lookEverywhere, regionsMeant } from '../../src/release/place.ts';
import { FakeRegion } from './fake-region.ts';

function region(profile: string, lab = false): object {
  return { profile, lab, securityGroup: 'g', instanceProfile: 'i' };
}
const CONFIG = {
  version: 1,
  profiles: { gpu: {}, cpu: {} },
  regions: { 'us-east-1': region('gpu'), 'us-east-2': region('gpu'), west: region('cpu'), local: region('cpu', true) },
} as unknown as HostsConfig;

function meant(names: readonly string[] | null, profile: string | null = null, oneEndpoint = false): string[] {
  return regionsMeant(CONFIG, { names, profile }, oneEndpoint, 'hosts.yaml').map(({ regionName }) => regionName);
}

test('all regions that have the profile are meant, or those that are named, whatever profile they have', () => {
  expect(meant(null, 'gpu')).toEqual(['us-east-1', 'us-east-2']);
  expect(meant(['west', 'west'], 'gpu')).toEqual(['west']);
});

test('the lab is meant where it is named, is all there is, or stands in place of everything', () => {
  expect(meant(null)).toEqual(['us-east-1', 'us-east-2', 'west']);
  expect(meant(['local'])).toEqual(['local']);
  expect(meant(null, 'cpu', true)).toEqual(['west', 'local']);
  expect(() => meant(['local', 'west'])).toThrow('named together');
});

test('a name that hosts.yaml has not is a mistake, and so is a profile that no region has', () => {
  expect(() => meant(['us-east-3'])).toThrow('no region us-east-3');
  expect(() => meant(null, 'gpv')).toThrow('no profile gpv');
});

test('what cannot be seen in one region is told with its name, and nothing is looked at in vain', async () => {
  const places = [new FakeRegion('a').place, new FakeRegion('b').place];
  const look = lookEverywhere(places, async ({ apiRegion }) => {
    if (apiRegion === 'b') throw new Error('no.');
    return apiRegion;
  });
  await expect(look).rejects.toMatchObject({ code: 'RELEASE_UNSEEN', details: [{ where: 'b', reason: 'no' }] });
  expect(await lookEverywhere(places, async ({ apiRegion }) => apiRegion)).toEqual(['a', 'b']);
});
