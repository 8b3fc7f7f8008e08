import { describe, expect, test } from 'vitest';
import { readUsage, scalingGroupOf } from '../../src/release/read-usage.ts';
import { type TemplateVersion, type UsageFacts, usesOf, useText } from '../../src/release/usage.ts';
import { FakeRegion } from './fake-region.ts';

const NOTHING: UsageFacts = {
  pointers: [],
  versions: [],
  resolved: new Map(),
  configurations: [],
  groups: [],
  instances: [],
};

function version(number: number, image: string | null, isDefault = false, templateId = 'lt-1'): TemplateVersion {
  return { templateId, templateName: 'web', version: number, isDefault, image };
}

function uses(facts: Partial<UsageFacts>): Record<string, string[]> {
  return Object.fromEntries([...usesOf({ ...NOTHING, ...facts })].map(([id, found]) => [id, found.map(useText)]));
}

describe('an image is used', () => {
  test('by every version of a launch template that names it, with the marks of the default and the newest', () => {
    expect(uses({ versions: [version(1, 'ami-a', true), version(2, 'ami-b'), version(3, 'ami-a')] })).toEqual({
      'ami-a': ['launch template lt-1 (web, version 1, $Default)', 'launch template lt-1 (web, version 3, $Latest)'],
      'ami-b': ['launch template lt-1 (web, version 2)'],
    });
  });

  test('by a template that resolves a parameter to it, and not by one whose parameter is nothing', () => {
    const [known, unknown] = ['resolve:ssm:/ecs-host/p/stable/image-id', 'resolve:ssm:/x:3'];
    expect(
      uses({
        versions: [version(1, known, true), version(1, unknown, true, 'lt-2')],
        resolved: new Map([[known, 'ami-a']]),
      }),
    ).toEqual({ 'ami-a': [`launch template lt-1 (web, version 1, $Default, $Latest, ${known})`] });
  });

  test('by an auto scaling group: its configuration, its template in the version it takes, its policy', () => {
    const policy = {
      LaunchTemplate: {
        LaunchTemplateSpecification: { LaunchTemplateName: 'web', Version: '2' },
        Overrides: [{ LaunchTemplateSpecification: { LaunchTemplateId: 'lt-1' } }, { ImageId: 'ami-d' }],
      },
    };
    const groups = [
      { AutoScalingGroupName: 'old', LaunchConfigurationName: 'lc' },
      { AutoScalingGroupName: 'latest', LaunchTemplate: { LaunchTemplateId: 'lt-1', Version: '$Latest' } },
      { AutoScalingGroupName: 'mixed', MixedInstancesPolicy: policy },
    ].map((group) => scalingGroupOf(group as never));
    const versions = [version(1, 'ami-a', true), version(2, 'ami-b'), version(3, 'ami-c')];
    const ofGroups = Object.entries(
      uses({ groups, versions, configurations: [{ name: 'lc', imageId: 'ami-l' }] }),
    ).flatMap(([id, found]) => found.filter((use) => use.startsWith('auto')).map((use) => `${id}: ${use}`));
    expect(ofGroups.toSorted()).toEqual([
      'ami-a: auto scaling group mixed (launch template lt-1, $Default)',
      'ami-b: auto scaling group mixed (launch template lt-1, 2)',
      'ami-c: auto scaling group latest (launch template lt-1, $Latest)',
      'ami-d: auto scaling group mixed (named by its policy)',
      'ami-l: auto scaling group old (launch configuration lc)',
    ]);
  });

  test('by an instance, by a dev host from whatever it was made, and by a pointer', () => {
    const plain = { instanceId: 'i-1', imageId: 'ami-a', state: 'stopped', devHost: null, devSource: null };
    const dev = { instanceId: 'i-2', imageId: 'ami-a', state: 'running', devHost: 'dev', devSource: 'ami-b' };
    const pointer = { profile: 'p', channel: 'beta', imageId: 'ami-b', version: 1, release: null } as const;
    expect(uses({ instances: [plain, dev], pointers: [pointer] })).toEqual({
      'ami-a': ['instance i-1 (stopped)', 'dev host i-2 (dev, running)'],
      'ami-b': ['pointer p/beta', 'dev host i-2 (dev, running)'],
    });
  });
});

test('a region is read with few calls: only a template with versions in between is asked for all of them', async () => {
  const region = new FakeRegion();
  region.bake('ami-a');
  await region.release('stable', 'ami-a');
  const text = 'resolve:ssm:/ecs-host/p/stable/image-id';
  const template = (LaunchTemplateId: string, count: number, ImageId: string) =>
    Array.from({ length: count }, (_, at) => ({
      LaunchTemplateId,
      VersionNumber: at + 1,
      DefaultVersion: at === 0,
      LaunchTemplateData: { ImageId: at === 1 ? 'ami-second' : ImageId },
    }));
  region.versions = [...template('lt-1', 1, text), ...template('lt-2', 2, 'ami-b'), ...template('lt-3', 4, 'ami-c')];
  region.instances = [{ InstanceId: 'i-1', ImageId: 'ami-i', State: { Name: 'running' } }];
  region.configurations = [
    { LaunchConfigurationName: 'lc', ImageId: 'ami-l', InstanceType: 't', CreatedTime: new Date() },
  ];
  const facts = await readUsage(region.place.clients);
  expect([...usesOf(facts).keys()].toSorted()).toEqual(
    ['ami-a', 'ami-b', 'ami-c', 'ami-i', 'ami-l', 'ami-second'].toSorted(),
  );
  expect(facts.versions).toHaveLength(7);
  const counts = Map.groupBy(region.calls, ({ command }) => command);
  expect(counts.get('DescribeLaunchTemplateVersions')).toHaveLength(2);
  expect(region.calls).toHaveLength(7);
});

test('a parameter that cannot be read is no parameter that names nothing', async () => {
  const region = new FakeRegion();
  region.versions = [
    { LaunchTemplateId: 'lt-1', VersionNumber: 1, LaunchTemplateData: { ImageId: 'resolve:ssm:/mine' } },
  ];
  region.failing.set('GetParameters', 'AccessDeniedException');
  await expect(readUsage(region.place.clients)).rejects.toThrow('AccessDenied');
  // AWS's own are not asked for.
  region.versions = [
    { LaunchTemplateId: 'lt-1', VersionNumber: 1, LaunchTemplateData: { ImageId: 'resolve:ssm:/aws/service/x' } },
  ];
  expect(usesOf(await readUsage(region.place.clients)).size).toBe(0);
});
