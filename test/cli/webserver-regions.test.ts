import { expect, test } from 'vitest';
import { regionsLetIn } from '../../src/cli/verbs/webserver-regions.ts';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';

const region = { profile: 'p', securityGroup: 'g', instanceProfile: 'i' };

test('a webserver lets in hosts of all regions that hosts.yaml has on AWS, and none of the lab', async () => {
  const { regions } = (await loadConfig(`${projectFolder()}/hosts.yaml`)).config;
  for (const name of ['us-east-2', 'us-east-1'])
    expect(regionsLetIn(regions, regions[name] ?? region)).toEqual(['us-east-2', 'us-east-1']);
  expect(regionsLetIn(regions, regions['local'] ?? region)).toEqual(['us-west-2']);
});

test('two names of one region are one', () => {
  const regions = { a: { ...region, apiRegion: 'us-east-2' }, 'us-east-2': region, b: { ...region, lab: true } };
  expect(regionsLetIn(regions, regions.a)).toEqual(['us-east-2']);
});
