import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { assertCarried } from '../../src/plan/carried.ts';
import { canonicalJson } from '../../src/plan/digest.ts';
import { confirmFacts, type Facts, gatherFacts } from '../../src/plan/facts.ts';
import { changedInputs, type Inputs, inputsOf, isDetermined } from '../../src/plan/inputs.ts';
import { readPlan, writePlan } from '../../src/plan/plan-file.ts';
import { type ResolveInput, resolvePlan, select, targetOf } from '../../src/plan/resolve.ts';
import { pinned, type Versions } from '../../src/plan/versions/resolve-versions.ts';
import { target } from '../fixtures/target-config.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

const { config } = await loadConfig(join(projectFolder(), 'hosts.yaml'));

const facts: Facts = {
  baseImage: {
    id: 'ami-1',
    name: 'base',
    ownerId: '136693071363',
    architecture: 'x86_64',
    rootDeviceName: '/dev/xvda',
  },
  securityGroup: { id: 'sg-1', name: 'container-testing' },
  vpcId: 'vpc-1',
  placements: [
    { instanceType: 't3.large', zone: 'us-west-2a', subnetId: 'subnet-1', public: true, reason: 'public, by igw-1' },
  ],
  considered: [],
};
const versions: Versions = { docker: '20.10.24+dfsg1-1', ecsAgentPackage: 'agent.deb', awsCli: '2.9.19-1' };

function input(region = 'local'): ResolveInput {
  return {
    selection: select(config, { region, profile: 'cpu-bookworm' }, 'hosts.yaml'),
    facts,
    versions,
    packageLists: { lists: { 'bookworm-security': 'd'.repeat(64) }, reasons: [] },
    standIns: null,
    endpointUrl: null,
    bundles: [{ path: 'provisioners/main.mjs', sha256: 'a'.repeat(64), bytes: 1 }],
    node: { version: '24.21.0', sha256: 'b'.repeat(64) },
    provisioned: [{ provisioner: 'base', path: '/etc/one', kind: 'file', mode: 0o644, sha256: 'c'.repeat(64) }],
    hostProgram: null,
    configFolder: '/where',
    warnings: [],
  };
}
function digest(change: (given: ResolveInput) => ResolveInput): string {
  return resolvePlan(change(structuredClone(input()))).digest;
}
function changedBy(change: (given: ResolveInput) => ResolveInput): Inputs {
  return inputsOf(resolvePlan(change(structuredClone(input()))));
}
function profile(change: (of: ResolveInput['selection']['profile']) => void) {
  return (given: ResolveInput): ResolveInput => {
    change(given.selection.profile);
    return given;
  };
}

describe('the digest', () => {
  const plain = resolvePlan(input()).digest;

  test.each<[string, (given: ResolveInput) => ResolveInput]>([
    ['the base image', (given) => ({ ...given, facts: { ...facts, baseImage: { ...facts.baseImage, id: 'ami-2' } } })],
    [
      'a bundle',
      (given) => ({ ...given, bundles: [{ path: 'provisioners/main.mjs', sha256: 'c'.repeat(64), bytes: 1 }] }),
    ],
    ['what provisioners leave', (given) => ({ ...given, provisioned: [] })],
    ['the Node binary', (given) => ({ ...given, node: { ...given.node, sha256: 'c'.repeat(64) } })],
    ['the version of Docker', (given) => ({ ...given, versions: { ...given.versions, docker: '20.10.25' } })],
    ['the version of the agent', (given) => ({ ...given, versions: { ...given.versions, ecsAgentPackage: 'b.deb' } })],
    ['the version of the AWS CLI', (given) => ({ ...given, versions: { ...given.versions, awsCli: '2.9.20-1' } })],
    ['the volume', profile((each) => Object.assign(each, { rootVolume: { sizeGiB: 64 } }))],
    ['swap', profile((each) => Object.assign(each, { swapMiB: 512 }))],
    [
      'whose signatures count',
      (given) => ({
        ...given,
        standIns: {
          trust: { ...target.trust, docker: { fingerprint: 'A'.repeat(40) }, nvidiaDriver: null },
          substitutions: [],
        },
      }),
    ],
    [
      'the security updates that there are',
      (given) => ({
        ...given,
        packageLists: { ...given.packageLists, lists: { 'bookworm-security': 'e'.repeat(64) } },
      }),
    ],
  ])('changes with %s, and the inputs name it', (_what, change) => {
    expect(digest(change)).not.toBe(plain);
    const changed = changedInputs(inputsOf(resolvePlan(input())), changedBy(change));
    expect(changed.length).toBeGreaterThan(0);
  });

  test.each<[string, (given: ResolveInput) => ResolveInput]>([
    [
      'the network',
      (given) => ({
        ...given,
        facts: { ...facts, vpcId: 'vpc-2', placements: [], securityGroup: { id: 'sg-2', name: 'x' } },
      }),
    ],
    ['the instance type', profile((each) => Object.assign(each, { instanceType: 't3.xlarge' }))],
    ['the endpoint', (given) => ({ ...given, endpointUrl: 'http://127.0.0.1:1' })],
    ['the region', () => input('us-east-1')],
    [
      'where it is released to, and by which key it is encrypted',
      (given) => {
        Object.assign(given.selection.profile, { release: { protect: true, deprecateAfterDays: 7 } });
        Object.assign(given.selection.region, { kmsKey: 'alias/mine' });
        return given;
      },
    ],
    ['what a developer builds on it', profile((each) => Object.assign(each.workload, { ref: 'other' }))],
  ])('does not change with %s, and neither do the inputs', (_what, change) => {
    expect(digest(change)).toBe(plain);
    expect(changedBy(change)).toEqual(inputsOf(resolvePlan(input())));
  });

  test('is over JSON whose keys have one order', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined })).toBe('{"b":[1,{"c":"x","d":null}]}');
  });
});

describe('what security updates there are', () => {
  test('is a warning of the plan where nobody could say it, and never the same again', () => {
    const packageLists = { lists: { 'bookworm-security': 'unknown' }, reasons: ['nobody answers'] };
    const plan = resolvePlan({ ...input(), packageLists });
    expect(plan.warnings).toMatchObject([
      { code: 'PACKAGE_LISTS_UNKNOWN', message: expect.stringContaining('nobody answers') },
    ]);
    expect(isDetermined(plan)).toBe(false);
    expect(isDetermined(resolvePlan(input()))).toBe(true);
    expect(changedInputs(inputsOf(plan), inputsOf(plan))).toEqual([
      { name: 'package list bookworm-security', before: 'unknown', after: 'unknown' },
    ]);
  });
});

const folder = sharedTempFolder();
const file = join(folder, 'plan.json');

describe('plan.json', () => {
  test('comes back as it was written', async () => {
    const plan = resolvePlan(input());
    await writePlan(file, plan);
    expect(await readPlan(file)).toEqual(plan);
  });
  test('of another version is refused', async () => {
    await writePlan(file, { ...resolvePlan(input()), planVersion: 99 } as unknown as BuildPlan);
    await expect(readPlan(file)).rejects.toMatchObject({ code: 'PLAN_VERSION_MISMATCH', kind: 'user' });
  });
  test('that is torn, missing, or no file is refused', async () => {
    await writeFile(file, '{"planVersion":');
    await expect(readPlan(file)).rejects.toMatchObject({ code: 'PLAN_UNREADABLE' });
    await expect(readPlan(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'PLAN_UNREADABLE' });
    await expect(readPlan(folder)).rejects.toMatchObject({ code: 'PLAN_UNREADABLE' });
    await expect(readPlan('/dev/zero')).rejects.toMatchObject({ code: 'PLAN_UNREADABLE' });
  });
  test.each(Object.keys(resolvePlan(input())))('without %s is refused', async (key) => {
    const { [key]: _left, ...others } = resolvePlan(input()) as unknown as Record<string, unknown>;
    await writeFile(file, JSON.stringify(others));
    await expect(readPlan(file)).rejects.toMatchObject({
      code: key === 'planVersion' ? 'PLAN_VERSION_MISMATCH' : 'PLAN_UNREADABLE',
      message: expect.stringContaining(key === 'planVersion' ? 'undefined' : `it lacks ${key}`),
    });
  });
  test.each<[string, (plan: BuildPlan) => object]>([
    ['the base image', (plan) => ({ baseImage: { ...plan.baseImage, id: 'ami-2' } })],
    ['what runs on the build instance', () => ({ provisioning: [{ name: 'carry', inline: ['rm -rf /'] }] })],
    ['the size of the disk', (plan) => ({ rootVolume: { ...plan.rootVolume, sizeGiB: 64 } })],
    ['what provisioners leave', () => ({ provisioned: [] })],
    ['its digest', () => ({ digest: 'a'.repeat(64) })],
  ])('in which somebody changed %s is refused', async (_what, change) => {
    const plan = resolvePlan(input());
    await writePlan(file, { ...plan, ...change(plan) });
    await expect(readPlan(file)).rejects.toMatchObject({ code: 'PLAN_CHANGED', kind: 'user' });
  });
});

describe('what a stored plan carries', () => {
  const plan = resolvePlan(input());
  const carried = { files: plan.bundles, node: plan.node };
  test('is what it says', () => {
    expect(() => assertCarried(plan, carried, 'here')).not.toThrow();
  });
  test.each<[string, object, string]>([
    ['a file is another', { files: [{ ...plan.bundles[0], sha256: 'c'.repeat(64) }] }, 'provisioners/main.mjs'],
    ['a file is missing', { files: [] }, 'provisioners/main.mjs'],
    ['a file is new', { files: [...plan.bundles, { path: 'x', sha256: 'd', bytes: 1 }] }, 'x'],
    ['Node is another', { node: { ...plan.node, sha256: 'c' } }, 'bin/node'],
  ])('is refused when %s', (_what, change, path) => {
    expect(() => assertCarried(plan, { ...carried, ...change }, 'this checkout')).toThrow(
      expect.objectContaining({ code: 'PLAN_FILES_DIFFER', message: expect.stringContaining(`gives: ${path}.`) }),
    );
  });
});

test('a region or profile that is not there is named with the nearest', () => {
  expect(() => select(config, { region: 'us-east2', profile: null }, 'hosts.yaml')).toThrow(
    expect.objectContaining({ code: 'REGION_UNKNOWN', hint: 'did you mean us-east-2?' }),
  );
  expect(() => select(config, { region: 'local', profile: 'toString' }, 'hosts.yaml')).toThrow(
    expect.objectContaining({ code: 'PROFILE_UNKNOWN' }),
  );
});

test('a profile with a GPU is refused where machines have none, before anything is baked', () => {
  const { local, ...others } = config.regions;
  const regions = { ...others, local: { ...local, machine: 'qemu' } } as typeof config.regions;
  expect(() => select({ ...config, regions }, { region: 'local', profile: 'g3s-focal' }, 'hosts.yaml')).toThrow(
    expect.objectContaining({ code: 'MACHINE_WITHOUT_GPU' }),
  );
  expect(select({ ...config, regions }, { region: 'local', profile: null }, 'hosts.yaml').profileName).toBe(
    'cpu-bookworm',
  );
});

/** Answers the calls that planning makes, by name; anything else fails the test. */
function fakeEc2(answers: Readonly<Record<string, object>>): EC2Client {
  return {
    send: async (command: { constructor: { name: string } }) => {
      const answer = answers[command.constructor.name];
      if (!answer) throw new Error(`untaught call ${command.constructor.name}`);
      return answer;
    },
  } as unknown as EC2Client;
}

describe('facts', () => {
  const query = {
    ...{ region: 'local', ownerId: '1', imageName: 'x-*', securityGroup: 'g', vpcId: null, subnetIds: null },
    ...{ instanceTypes: ['t3.large'], transport: 'ssh' as const },
  };
  const OPEN = { MapPublicIpOnLaunch: true, AvailableIpAddressCount: 4000 };
  const zoneNamed = (ZoneName: string) => ({ ZoneName, ZoneType: 'availability-zone', State: 'available' });
  const good = {
    DescribeImagesCommand: {
      Images: [
        { ImageId: 'ami-old', Name: 'x-1', OwnerId: '1', CreationDate: '2026-01-01', RootDeviceName: '/dev/xvda' },
        { ImageId: 'ami-new', Name: 'x-2', OwnerId: '1', CreationDate: '2026-02-01', RootDeviceName: '/dev/xvda' },
      ],
    },
    DescribeSecurityGroupsCommand: { SecurityGroups: [{ GroupId: 'sg-1', VpcId: 'vpc-1' }] },
    DescribeSubnetsCommand: {
      Subnets: [
        { SubnetId: 'subnet-2', VpcId: 'vpc-1', AvailabilityZone: 'b', ...OPEN },
        { SubnetId: 'subnet-1', VpcId: 'vpc-1', AvailabilityZone: 'a', ...OPEN },
      ],
    },
    DescribeAvailabilityZonesCommand: { AvailabilityZones: ['a', 'b'].map(zoneNamed) },
    DescribeRouteTablesCommand: {
      RouteTables: [
        { Associations: [{ Main: true }], Routes: [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' }] },
      ],
    },
    DescribeInstanceTypeOfferingsCommand: {
      InstanceTypeOfferings: ['a', 'b'].map((Location) => ({ InstanceType: 't3.large', Location })),
    },
  };

  test('are the newest image, the group and where there may be room', async () => {
    expect(await gatherFacts(fakeEc2(good), query)).toMatchObject({
      baseImage: { id: 'ami-new' },
      securityGroup: { id: 'sg-1', name: 'g' },
      vpcId: 'vpc-1',
      placements: [
        { instanceType: 't3.large', zone: 'a', subnetId: 'subnet-1', public: true },
        { instanceType: 't3.large', zone: 'b', subnetId: 'subnet-2', public: true },
      ],
    });
  });
  test.each([
    ['IMAGE_NOT_FOUND', { DescribeImagesCommand: { Images: [] } }],
    ['SECURITY_GROUP_NOT_FOUND', { DescribeSecurityGroupsCommand: { SecurityGroups: [] } }],
    [
      'SECURITY_GROUP_AMBIGUOUS',
      {
        DescribeSecurityGroupsCommand: {
          SecurityGroups: [
            { GroupId: 'a', VpcId: 'v' },
            { GroupId: 'b', VpcId: 'w' },
          ],
        },
      },
    ],
    ['SUBNET_NOT_FOUND', { DescribeSubnetsCommand: { Subnets: [] } }],
    ['PLACEMENT_NONE', { DescribeInstanceTypeOfferingsCommand: {} }],
  ])("%s is the user's, with a hint", async (code, other) => {
    await expect(gatherFacts(fakeEc2({ ...good, ...other }), query)).rejects.toMatchObject({
      kind: 'user',
      code,
      hint: expect.any(String),
    });
  });
  test('tell of all that is not there at once, and nothing twice', async () => {
    const none = { ...good, DescribeImagesCommand: { Images: [] }, DescribeSecurityGroupsCommand: {} };
    await expect(gatherFacts(fakeEc2(none), query)).rejects.toMatchObject({
      kind: 'user',
      code: 'SEVERAL_MISSING',
      details: [
        { code: 'IMAGE_NOT_FOUND', hint: expect.any(String) },
        { code: 'SECURITY_GROUP_NOT_FOUND', hint: expect.any(String) },
      ],
    });
    const refused = { send: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND', hostname: 'h' })) };
    await expect(gatherFacts(refused as unknown as EC2Client, query)).rejects.toMatchObject({
      code: 'API_UNREACHABLE',
      details: [],
    });
  });
  test('that the API does not give are an outside failure, whatever else is missing', async () => {
    const { DescribeSecurityGroupsCommand: _, ...others } = good;
    const answers = { ...others, DescribeImagesCommand: { Images: [] } };
    await expect(gatherFacts(fakeEc2(answers), query)).rejects.toMatchObject({ kind: 'outside', code: 'API_FAILED' });
  });
  test('of a stored plan are confirmed, and all that is gone is named', async () => {
    const plan = resolvePlan(input());
    await confirmFacts(fakeEc2(good), plan);
    const none = {
      DescribeImagesCommand: {},
      DescribeSecurityGroupsCommand: { SecurityGroups: [] },
      DescribeSubnetsCommand: { Subnets: [] },
    };
    await expect(confirmFacts(fakeEc2(none), plan)).rejects.toMatchObject({
      code: 'PLAN_STALE',
      message: 'What the plan names is not in local: base image ami-1, security group sg-1, subnet subnet-1.',
    });
  });
  test('an API that fails is an outside failure', async () => {
    await expect(confirmFacts(fakeEc2({}), resolvePlan(input()))).rejects.toMatchObject({ code: 'API_FAILED' });
    await expect(gatherFacts(fakeEc2({}), query)).rejects.toMatchObject({ kind: 'outside', code: 'API_FAILED' });
  });
});

describe('the target', () => {
  const { 'cpu-bookworm': cpu, 'g3s-focal': gpu } = config.profiles;

  test('of a plan is a host; a development host has its own provisioners, and the GPU where there is one', () => {
    if (!cpu || !gpu) throw new Error('hosts.yaml has both');
    expect(resolvePlan(input()).target).toEqual(pinned(targetOf('cpu-bookworm', cpu), versions));
    expect(targetOf('cpu-bookworm', cpu)).toMatchObject({ variant: 'host', sshUser: 'admin' });
    expect(targetOf('cpu-bookworm', cpu, 'development')).toMatchObject({
      variant: 'development',
      provisioners: ['base', 'docker', 'limits', 'user-tools', 'development', 'verify'],
    });
    expect(targetOf('g3s-focal', gpu, 'development').provisioners).toContain('nvidia');
  });
});
