import { AutoScalingClient, type AutoScalingGroup, type LaunchConfiguration } from '@aws-sdk/client-auto-scaling';
import { EBSClient } from '@aws-sdk/client-ebs';
import {
  EC2Client,
  type Image,
  type Instance,
  type LaunchTemplateVersion,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { ReleaseClients } from '../../src/aws/release-clients.ts';
import { catalogImageOf, releaseOfTags } from '../../src/release/catalog.ts';
import type { Channel } from '../../src/release/channels.ts';
import { movePointer, readPointer } from '../../src/release/move-pointer.ts';
import type { Place } from '../../src/release/place.ts';
import { ec2Tags, ec2TagsAsObject } from '../../src/run/tags.ts';
import { apiError, type Call } from '../run/fake-clients.ts';

/** What the calls that are answered here are given, taken together. */
type Input = {
  readonly ImageIds?: readonly string[];
  readonly Filters: readonly { readonly Values: readonly string[] }[];
  readonly Resources: readonly [string];
  readonly Tags: readonly Tag[];
  readonly ImageId: string;
  readonly SnapshotId: string;
  readonly DeprecateAt: Date;
  readonly LaunchTemplateId?: string;
  readonly Names: readonly string[];
  readonly Path: string;
  readonly Name: string;
  readonly Value: string;
};
type Answers = Readonly<Record<string, (input: Input) => unknown>>;

type Parameter = { readonly versions: readonly string[] };

/**
 * A region as releases and prune meet it, in memory: pointers with their history, images, and what uses them. It pages
 * as the API does, answers only the calls that stand here, and throws for any other. What it is not: it checks no
 * parameters but those that it reads, is consistent at once, and throttles nobody.
 */
export class FakeRegion {
  readonly calls: Call[] = [];
  /** Names of calls that fail, with the error's name. */
  readonly failing = new Map<string, string>();
  readonly images = new Map<string, Image>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly parameters = new Map<string, Parameter>();
  readonly launchPermissions = new Map<string, readonly object[]>();
  readonly volumePermissions = new Map<string, readonly object[]>();
  /** Images that stay for a while after their protection was switched off. */
  readonly cooldowns = new Set<string>();
  versions: LaunchTemplateVersion[] = [];
  instances: Instance[] = [];
  groups: AutoScalingGroup[] = [];
  configurations: LaunchConfiguration[] = [];
  readonly place: Place;

  constructor(apiRegion = 'us-west-2', profileName = 'p') {
    this.place = { regionName: apiRegion, apiRegion, profileName, clients: this.#clients(apiRegion) };
  }

  /** An image that was baked and, unless the tags say otherwise, passed. */
  bake(imageId: string, { at = '2026-11-01', profile = 'p', ...more }: Baked = {}): void {
    const snapshotId = `snap-${imageId.slice(4)}`;
    const tags = { 'ecs-host:plan-digest': 'd', 'ecs-host:profile': profile, 'ecs-host:run-id': `run-${imageId}` };
    const verdict = more.verdict === null ? {} : { 'ecs-host:verdict': more.verdict ?? 'passed' };
    this.images.set(imageId, {
      ImageId: imageId,
      Name: `name-${imageId}`,
      State: 'available',
      CreationDate: new Date(at).toISOString(),
      Tags: ec2Tags({ ...tags, ...verdict, ...more.tags }),
      BlockDeviceMappings: [{ Ebs: { SnapshotId: snapshotId } }],
      ...more.image,
    });
    this.snapshots.set(snapshotId, { SnapshotId: snapshotId, VolumeSize: 8 });
  }

  /** Moves a pointer forward, as a release does. */
  async release(channel: Channel, imageId: string, profile = 'p'): Promise<void> {
    const { ssm } = this.place.clients;
    const image = this.images.get(imageId);
    if (!image) throw new Error(`the fake has no ${imageId}`);
    const previousImageId = (await readPointer(ssm, profile, channel))?.imageId ?? null;
    const releasedAt = '2026-11-26T00:00:00.000Z';
    await movePointer(ssm, profile, channel, { ...releaseOfTags(catalogImageOf(image)), previousImageId, releasedAt });
    this.calls.length = 0;
  }

  named(channel: Channel, profile = 'p'): string | undefined {
    return this.parameters.get(`/ecs-host/${profile}/${channel}/image-id`)?.versions.at(-1);
  }

  tagsOf(imageId: string): Readonly<Record<string, string>> {
    return ec2TagsAsObject(this.images.get(imageId)?.Tags);
  }

  /** What was called, without what only looks. */
  get changes(): readonly string[] {
    return this.calls.map(({ command }) => command).filter((command) => !/^(Describe|Get)/.test(command));
  }

  #clients(region: string): ReleaseClients {
    const options = { region, endpoint: 'http://127.0.0.1:1', credentials: { accessKeyId: 'f', secretAccessKey: 'f' } };
    const ec2 = new EC2Client(options);
    const ssm = new SSMClient(options);
    const autoScaling = new AutoScalingClient(options);
    const ebs = new EBSClient(options);
    const kms = new KMSClient(options);
    const answers = { ...this.#ofImages(), ...this.#ofUsers(), ...this.#ofParameters() };
    const send = async (command: { constructor: { name: string }; input: Input }): Promise<unknown> => {
      const name = command.constructor.name.replace(/Command$/, '');
      this.calls.push({ command: name, input: command.input });
      const failure = this.failing.get(name);
      if (failure !== undefined) throw apiError(failure);
      const answer = answers[name];
      if (!answer) throw new Error(`the fake was not taught ${name}`);
      return answer(command.input);
    };
    for (const client of [ec2, ssm, autoScaling, ebs, kms]) Object.assign(client, { send });
    return { ec2, ssm, autoScaling, ebs, kms };
  }

  #found(imageId: string): Image {
    const image = this.images.get(imageId);
    if (!image) throw apiError('InvalidAMIID.NotFound');
    return image;
  }

  #change(imageId: string, change: Partial<Image>): object {
    this.images.set(imageId, { ...this.#found(imageId), ...change });
    return {};
  }

  #ofImages(): Answers {
    return {
      DescribeImages: ({ ImageIds, ...input }) => {
        if (ImageIds) return { Images: ImageIds.map((id) => this.#found(id)) };
        const ours = [...this.images.values()].filter(({ Tags = [] }) =>
          Tags.some(({ Key }) => Key === 'ecs-host:plan-digest' || Key === 'ecs-host:layer'),
        );
        return paged('Images', ours, input);
      },
      DescribeSnapshots: ({ Filters }) => {
        const ids = Filters.flatMap(({ Values }) => Values);
        return { Snapshots: ids.flatMap((id) => this.snapshots.get(id) ?? []) };
      },
      CreateTags: ({ Resources: [id], Tags }) => {
        const tags = { ...ec2TagsAsObject(this.#found(id).Tags), ...ec2TagsAsObject(Tags) };
        return this.#change(id, { Tags: ec2Tags(tags) });
      },
      DescribeImageAttribute: ({ ImageId }) => ({ LaunchPermissions: this.launchPermissions.get(ImageId) ?? [] }),
      ModifyImageAttribute: ({ ImageId }) => this.launchPermissions.delete(ImageId),
      DescribeSnapshotAttribute: ({ SnapshotId }) => {
        return { CreateVolumePermissions: this.volumePermissions.get(SnapshotId) ?? [] };
      },
      ModifySnapshotAttribute: ({ SnapshotId }) => this.volumePermissions.delete(SnapshotId),
      EnableImageDeprecation: ({ ImageId, DeprecateAt }) =>
        this.#change(ImageId, { DeprecationTime: DeprecateAt.toISOString() }),
      DisableImageDeregistrationProtection: ({ ImageId }) =>
        this.#change(ImageId, {
          DeregistrationProtection: this.cooldowns.has(ImageId) ? 'disabled-after' : 'disabled',
        }),
      DeregisterImage: ({ ImageId }) => {
        const { DeregistrationProtection: protection = 'disabled' } = this.#found(ImageId);
        if (protection !== 'disabled') throw apiError('OperationNotPermitted');
        return this.images.delete(ImageId);
      },
      DeleteSnapshot: ({ SnapshotId }) => this.snapshots.delete(SnapshotId),
    };
  }

  #ofUsers(): Answers {
    return {
      DescribeInstances: (input) => paged('Reservations', [{ Instances: this.instances }], input),
      DescribeAutoScalingGroups: (input) => paged('AutoScalingGroups', this.groups, input),
      DescribeLaunchConfigurations: (input) => paged('LaunchConfigurations', this.configurations, input),
      DescribeLaunchTemplateVersions: ({ LaunchTemplateId, ...input }) => {
        const newest = (id?: string): number =>
          Math.max(
            ...this.versions.filter((each) => each.LaunchTemplateId === id).map((each) => each.VersionNumber ?? 0),
          );
        const meant = this.versions.filter((each) =>
          LaunchTemplateId === undefined
            ? each.DefaultVersion || each.VersionNumber === newest(each.LaunchTemplateId)
            : each.LaunchTemplateId === LaunchTemplateId,
        );
        return paged('LaunchTemplateVersions', meant, input);
      },
    };
  }

  #ofParameters(): Answers {
    const shown = (name: string): object[] => {
      const versions = this.parameters.get(name)?.versions;
      return versions ? [{ Name: name, Value: versions.at(-1), Version: versions.length }] : [];
    };
    return {
      GetParameters: ({ Names }) => ({ Parameters: Names.flatMap(shown) }),
      GetParametersByPath: ({ Path, ...input }) => {
        const names = [...this.parameters.keys()].filter((name) => name.startsWith(`${Path}/`));
        return paged('Parameters', names.flatMap(shown), input, 10);
      },
      GetParameterHistory: ({ Name, ...input }) => {
        const versions = this.parameters.get(Name)?.versions;
        if (!versions) throw apiError('ParameterNotFound');
        const all = versions.map((Value, at) => ({ Name, Value, Version: at + 1 }));
        return paged('Parameters', all, input);
      },
      PutParameter: ({ Name, Value }) => {
        this.parameters.set(Name, { versions: [...(this.parameters.get(Name)?.versions ?? []), Value] });
        return {};
      },
      DeleteParameters: ({ Names }) => {
        for (const name of Names) this.parameters.delete(name);
        return {};
      },
    };
  }
}

type Baked = {
  readonly at?: string;
  readonly profile?: string;
  /** null for one that nobody judged. */
  readonly verdict?: 'passed' | 'failed' | null;
  readonly tags?: Readonly<Record<string, string>>;
  readonly image?: Partial<Image>;
};

/** A page of a list, and the token of the next one. */
function paged(key: string, all: readonly unknown[], input: object, most = 1000): object {
  const { MaxResults = most, MaxRecords = MaxResults, NextToken } = input as Record<string, number | undefined>;
  const from = Number(NextToken ?? 0);
  const to = from + (MaxRecords ?? most);
  return { [key]: all.slice(from, to), ...(to < all.length ? { NextToken: String(to) } : {}) };
}
