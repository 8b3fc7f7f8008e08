import { createHash } from 'node:crypto';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EBSClient } from '@aws-sdk/client-ebs';
import { KMSClient } from '@aws-sdk/client-kms';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import type { RegionClients } from '../../src/release/region.ts';
import { TAG } from '../../src/run/tags.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';

type Tags = Record<string, string>;
type TagList = { Key: string; Value: string }[];

export type FakeSnapshot = { id: string; tags: Tags; content: string; keyId: string | null; users: string[] };
export type FakeImage = {
  id: string;
  name: string;
  /** `pending` until it was looked at twice. */
  state: string;
  looks: number;
  tags: Tags;
  snapshotId: string;
  imds: string | null;
  launch: string[];
  deprecatedAt: string | null;
  isProtected: boolean;
  token: string | null;
};

/** The process ended there, as by `kill -9`. */
export class Killed extends Error {}

/** What a region keeps, whatever becomes of who calls. */
export class FakeRegion {
  readonly images = new Map<string, FakeImage>();
  readonly snapshots = new Map<string, FakeSnapshot>();
  readonly parameters = new Map<string, { Value: string; Version: number }>();
  /** How copies to this region end. */
  copiesEnd: 'available' | 'failed' = 'available';
  /** Whether copies come without the setting of IMDS. */
  losesImds = false;
  /** In place of what was copied. */
  copiesHold: string | null = null;
  made = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

function tagsOf(list: TagList | undefined): Tags {
  return Object.fromEntries((list ?? []).map(({ Key, Value }) => [Key, Value]));
}

function listOf(tags: Tags): TagList {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** All regions of one account, and a count of calls: one of them may be the last that a process makes. */
export class World {
  readonly regions: ReadonlyMap<string, FakeRegion>;
  readonly calls: string[] = [];
  #killAt: { readonly call: number; readonly isDone: boolean } | null = null;

  constructor(names: readonly string[]) {
    this.regions = new Map(names.map((name) => [name, new FakeRegion(name)]));
  }

  region(name: string): FakeRegion {
    const region = this.regions.get(name);
    if (!region) throw new Error(`there is no region ${name}`);
    return region;
  }

  /** The process ends at a call from now on: before it has an effect, or before its answer comes. */
  killAt(call: number | null, isDone = false): void {
    this.calls.length = 0;
    this.#killAt = call === null ? null : { call, isDone };
  }

  /** An image as `ami` leaves it. */
  addBaked(name: string, id: string, verdict: string): void {
    const region = this.region(name);
    const tags = {
      [TAG.runId]: 'r-20261126120000-abcdef',
      [TAG.planDigest]: 'd1',
      [TAG.commit]: 'c1',
      [TAG.verdict]: verdict,
      ...(verdict === 'not-run' ? {} : { [TAG.smokeRunId]: 'r-smoke' }),
    };
    region.snapshots.set(`snap-${id}`, { id: `snap-${id}`, tags, content: 'baked', keyId: 'default', users: [] });
    region.images.set(id, {
      ...{ id, name: 'ecs-host-p-1', state: 'available', looks: 9, tags: { ...tags }, snapshotId: `snap-${id}` },
      ...{ imds: 'v2.0', launch: [], deprecatedAt: null, isProtected: false, token: null },
    });
  }

  connect(name: string): RegionClients {
    const region = this.region(name);
    const { clients } = fakeClients({});
    const options = {
      region: name,
      endpoint: 'http://127.0.0.1:1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    };
    const more = {
      ec2: clients.ec2,
      ssm: new SSMClient(options),
      autoScaling: new AutoScalingClient(options),
      ebs: new EBSClient(options),
      kms: new KMSClient(options),
    };
    const send = async (command: { constructor: { name: string }; input: Record<string, never> }): Promise<unknown> => {
      const action = command.constructor.name.replace(/Command$/, '');
      // Answers come later, so that what goes on side by side mixes.
      await new Promise((resolve) => setImmediate(resolve));
      const count = this.calls.push(`${name} ${action}`);
      const kill = this.#killAt;
      if (kill !== null && (count > kill.call || (count === kill.call && !kill.isDone))) throw new Killed();
      const answer = this.#answer(region, action, command.input);
      if (kill !== null && count === kill.call) throw new Killed();
      return answer;
    };
    for (const client of [clients.ecs, ...Object.values(more)]) Object.assign(client, { send });
    return { aws: clients, more };
  }

  #answer(region: FakeRegion, action: string, input: Record<string, never>): unknown {
    const answers: Record<string, (given: Record<string, never>) => unknown> = {
      ...ofEc2(this, region),
      ...ofOthers(region),
    };
    const answer = answers[action];
    if (!answer) throw new Error(`the fake was not taught ${action}`);
    return answer(input);
  }
}

function shown(region: FakeRegion, image: FakeImage): object {
  if (image.state === 'pending') {
    image.looks += 1;
    if (image.looks > 2) image.state = region.copiesEnd;
  }
  return {
    ImageId: image.id,
    Name: image.name,
    State: image.state,
    Tags: listOf(image.tags),
    ...(image.imds === null ? {} : { ImdsSupport: image.imds }),
    ...(image.state === 'failed' ? { StateReason: { Message: 'the key is not there' } } : {}),
    ...(image.deprecatedAt === null ? {} : { DeprecationTime: image.deprecatedAt }),
    DeregistrationProtection: image.isProtected ? 'enabled' : 'disabled',
    BlockDeviceMappings: [{ Ebs: { SnapshotId: image.snapshotId } }],
  };
}

type Filter = { Name: string; Values: string[] };

function matches(image: FakeImage, { Name, Values }: Filter): boolean {
  if (Name === 'tag-key') return Values.some((key) => image.tags[key] !== undefined);
  if (Name.startsWith('tag:')) return Values.includes(image.tags[Name.slice(4)] ?? '');
  if (Name === 'name') return Values.includes(image.name);
  throw new Error(`the fake was not taught filter ${Name}`);
}

function found(region: FakeRegion, id: string): FakeImage {
  const image = region.images.get(id);
  if (!image) throw apiError('InvalidAMIID.NotFound');
  return image;
}

type CopyInput = {
  Name: string;
  SourceImageId: string;
  SourceRegion: string;
  KmsKeyId?: string;
  ClientToken: string;
  TagSpecifications: { ResourceType: string; Tags: TagList }[];
};

function copyImage(world: World, region: FakeRegion, input: CopyInput): object {
  const again = [...region.images.values()].find(({ token }) => token === input.ClientToken);
  if (again) return { ImageId: again.id };
  if ([...region.images.values()].some(({ name }) => name === input.Name)) throw apiError('InvalidAMIName.Duplicate');
  const from = world.region(input.SourceRegion);
  const source = found(from, input.SourceImageId);
  region.made += 1;
  const id = `ami-${region.name.replaceAll('-', '')}${region.made}`;
  const tags = (type: string): Tags =>
    tagsOf(input.TagSpecifications.find(({ ResourceType }) => ResourceType === type)?.Tags);
  const content = region.copiesHold ?? from.snapshots.get(source.snapshotId)?.content ?? '';
  const keyId = input.KmsKeyId === undefined ? 'default' : `arn:${input.KmsKeyId}`;
  region.snapshots.set(`snap-${id}`, { id: `snap-${id}`, tags: tags('snapshot'), content, keyId, users: [] });
  region.images.set(id, {
    ...{ id, name: input.Name, state: 'pending', looks: 0, tags: tags('image'), snapshotId: `snap-${id}` },
    ...{ launch: [], deprecatedAt: null, isProtected: false, token: input.ClientToken },
    imds: region.losesImds ? null : source.imds,
  });
  return { ImageId: id };
}

function taggable(region: FakeRegion, ids: readonly string[]): { tags: Tags }[] {
  return ids.map((id) => {
    const thing = region.images.get(id) ?? region.snapshots.get(id);
    if (!thing) throw apiError('InvalidID.NotFound');
    return thing;
  });
}

type Answers = Record<string, (given: Record<string, never>) => unknown>;

function ofEc2(world: World, region: FakeRegion): Answers {
  const nothing = (key: string) => () => ({ [key]: [] });
  return {
    DescribeImages: ({ ImageIds, Filters }: { ImageIds?: string[]; Filters?: Filter[] }) => {
      const ids = ImageIds ?? [...region.images.keys()];
      const images = ids.map((id) => found(region, id));
      return {
        Images: images
          .filter((image) => (Filters ?? []).every((filter) => matches(image, filter)))
          .map((image) => shown(region, image)),
      };
    },
    DescribeSnapshots: ({ SnapshotIds = [] }: { SnapshotIds?: string[] }) => ({
      Snapshots: SnapshotIds.map((id) => {
        const keyId = region.snapshots.get(id)?.keyId ?? null;
        return { SnapshotId: id, Encrypted: keyId !== null, KmsKeyId: keyId };
      }),
    }),
    DescribeImageAttribute: ({ ImageId }: { ImageId: string }) => ({
      LaunchPermissions: found(region, ImageId).launch.map((who) =>
        who.startsWith('arn:') ? { OrganizationArn: who } : { UserId: who },
      ),
    }),
    CopyImage: (input: CopyInput) => copyImage(world, region, input),
    CreateTags: ({ Resources, Tags }: { Resources: string[]; Tags: TagList }) => {
      for (const each of taggable(region, Resources)) Object.assign(each.tags, tagsOf(Tags));
      return {};
    },
    DeleteTags: ({ Resources, Tags }: { Resources: string[]; Tags: { Key: string }[] }) => {
      for (const each of taggable(region, Resources)) for (const { Key } of Tags) delete each.tags[Key];
      return {};
    },
    ModifyImageAttribute: (input: {
      ImageId: string;
      ImdsSupport?: { Value: string };
      LaunchPermission?: { Add: { UserId?: string; OrganizationArn?: string }[] };
    }) => {
      const image = found(region, input.ImageId);
      if (input.ImdsSupport) image.imds = input.ImdsSupport.Value;
      const added = (input.LaunchPermission?.Add ?? []).map((each) => each.UserId ?? each.OrganizationArn ?? '');
      image.launch = [...new Set([...image.launch, ...added])];
      return {};
    },
    ModifySnapshotAttribute: (input: { SnapshotId: string; CreateVolumePermission: { Add: { UserId: string }[] } }) => {
      const snapshot = region.snapshots.get(input.SnapshotId);
      if (!snapshot) throw apiError('InvalidSnapshot.NotFound');
      const users = input.CreateVolumePermission.Add.map(({ UserId }) => UserId);
      snapshot.users = [...new Set([...snapshot.users, ...users])];
      return {};
    },
    EnableImageDeprecation: ({ ImageId, DeprecateAt }: { ImageId: string; DeprecateAt: Date }) => {
      found(region, ImageId).deprecatedAt = `${DeprecateAt.toISOString().slice(0, 16)}:00.000Z`;
      return {};
    },
    EnableImageDeregistrationProtection: ({ ImageId }: { ImageId: string }) => {
      found(region, ImageId).isProtected = true;
      return {};
    },
    DeregisterImage: ({ ImageId }: { ImageId: string }) => {
      found(region, ImageId);
      region.images.delete(ImageId);
      return {};
    },
    DeleteSnapshot: ({ SnapshotId }: { SnapshotId: string }) => {
      if (!region.snapshots.delete(SnapshotId)) throw apiError('InvalidSnapshot.NotFound');
      return {};
    },
    // Where hosts run.
    DescribeSecurityGroups: ({ Filters = [] }: { Filters?: Filter[] }) => ({
      SecurityGroups: Filters.some(({ Name }) => Name === 'group-name') ? [{ GroupId: 'sg-9', VpcId: 'vpc-9' }] : [],
    }),
    DescribeSubnets: () => ({
      Subnets: [
        {
          ...{ SubnetId: 'subnet-9', VpcId: 'vpc-9', AvailabilityZone: `${region.name}a` },
          ...{ MapPublicIpOnLaunch: true, AvailableIpAddressCount: 99 },
        },
      ],
    }),
    DescribeAvailabilityZones: () => ({
      AvailabilityZones: [{ ZoneName: `${region.name}a`, ZoneType: 'availability-zone', State: 'available' }],
    }),
    DescribeRouteTables: () => ({
      RouteTables: [
        {
          Associations: [{ Main: true }],
          Routes: [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-9', State: 'active' }],
        },
      ],
    }),
    DescribeInstanceTypeOfferings: () => ({
      InstanceTypeOfferings: [{ InstanceType: 't3.large', Location: `${region.name}a` }],
    }),
    // What a sweep looks for.
    DescribeInstances: nothing('Reservations'),
    DescribeKeyPairs: nothing('KeyPairs'),
    DescribeVolumes: nothing('Volumes'),
    ListClusters: nothing('clusterArns'),
    ListTaskDefinitionFamilies: nothing('families'),
  } as unknown as Answers;
}

/** A content of so many letters is so many blocks; a dot is one that was never written. */
function ofOthers(region: FakeRegion): Answers {
  const content = (id: string): string => region.snapshots.get(id)?.content ?? '';
  return {
    GetParameters: ({ Names }: { Names: string[] }) => ({
      Parameters: Names.flatMap((Name) => {
        const parameter = region.parameters.get(Name);
        return parameter ? [{ Name, ...parameter }] : [];
      }),
    }),
    PutParameter: ({ Name, Value }: { Name: string; Value: string }) => {
      region.parameters.set(Name, { Value, Version: (region.parameters.get(Name)?.Version ?? 0) + 1 });
      return {};
    },
    DescribeKey: ({ KeyId }: { KeyId: string }) => ({ KeyMetadata: { Arn: `arn:${KeyId}` } }),
    ListSnapshotBlocks: ({ SnapshotId }: { SnapshotId: string }) => ({
      VolumeSize: 8,
      Blocks: [...content(SnapshotId)].flatMap((letter, at) =>
        letter === '.' ? [] : [{ BlockIndex: at, BlockToken: letter }],
      ),
    }),
    GetSnapshotBlock: ({ SnapshotId, BlockIndex }: { SnapshotId: string; BlockIndex: number }) => {
      const letter = content(SnapshotId)[BlockIndex] ?? '';
      const data = letter === '0' ? Buffer.alloc(32) : createHash('sha256').update(letter).digest();
      return { BlockData: { transformToByteArray: async () => new Uint8Array(data) } };
    },
  } as unknown as Answers;
}

/** What a release takes of a plan. */
export function planTo(others: readonly string[], release: Partial<BuildPlan['release']> = {}): BuildPlan {
  return {
    profile: 'p',
    planName: 'p-d1',
    digest: 'd1',
    region: 'home',
    apiRegion: 'us-west-2',
    kmsKey: null,
    instanceProfile: 'ecs-host',
    instanceTypes: ['t3.large'],
    network: { transport: 'ssh', sshUser: 'admin', securityGroup: { id: 'sg-1', name: 'hosts' }, vpcId: 'vpc-1' },
    release: {
      regions: others.map((name) => ({
        ...{ name, apiRegion: name, kmsKey: 'alias/mine', securityGroup: 'hosts', instanceProfile: 'ecs-host' },
        ...{ vpcId: null, subnetIds: null },
      })),
      verifyCopies: 'snapshot',
      share: { accounts: [], organizations: [], organizationalUnits: [] },
      deprecateAfterDays: null,
      protect: false,
      ...release,
    },
  } as unknown as BuildPlan;
}
