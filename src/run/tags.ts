/**
 * Every tag that this program writes or looks for. EC2 takes at most 50 on a resource, and 256 characters in a
 * value.
 */
export const TAG = {
  runId: 'ecs-host:run-id',
  owner: 'ecs-host:owner',
  kind: 'ecs-host:kind',
  profile: 'ecs-host:profile',
  planDigest: 'ecs-host:plan-digest',
  sourceImage: 'ecs-host:source-image',
  commit: 'ecs-host:commit',
  /** Set last, when the record is written: an image without it was never finished. */
  verdict: 'ecs-host:verdict',
  smokeRunId: 'ecs-host:smoke-run-id',
  /** On an image that is only a base of others: the digest of what is in it. It has no verdict, is never released. */
  layer: 'ecs-host:layer',
  /** On a copy: `us-east-2/ami-…`, the image that was baked and proven. */
  copiedFrom: 'ecs-host:copied-from',
  /** On a copy that is under way: the release that makes it. Gone once it is checked. */
  release: 'ecs-host:release',
  /** On an image that was taken back: since when, and why. It is never released again. */
  withdrawn: 'ecs-host:withdrawn',
  /** On an instance of the lab that has a kernel of its own. */
  machine: 'ecs-host:machine',
} as const;

/** As EC2 takes it: images that were baked from a plan, copies included, and layers that such images begin with. */
export const BAKED_IMAGES = { Name: 'tag-key', Values: [TAG.planDigest, TAG.layer] as string[] };

/** On the instance of a dev host, and on what belongs to it: all that is known of one, on any machine of its user. */
export const DEV_TAG = {
  /** The name that its user gave it. */
  name: 'ecs-host:dev-host',
  /** Whose it is. */
  user: 'ecs-host:dev-owner',
  /** When it stops by itself: UTC, whole seconds, `2026-11-26T22:00:00Z`. */
  expires: 'ecs-host:expires',
  /** Minutes without use after which it stops; 0 for never. */
  idleMinutes: 'ecs-host:idle-minutes',
  /** Minutes that each start gives it. */
  ttlMinutes: 'ecs-host:ttl-minutes',
  /** The image that it was launched from. */
  source: 'ecs-host:dev-source',
  sshUser: 'ecs-host:ssh-user',
  transport: 'ecs-host:transport',
  /** Since when it is ready; set last: without it the `up` that made it is under way, or was killed. */
  ready: 'ecs-host:ready',
} as const;

const VERSION_PREFIX = 'ecs-host:version/';
const MAX_VALUE = 256;
/** The fixed ones leave ample room, but a profile could still install too much to list. */
const MAX_VERSIONS = 35;

/** Clusters, services and task definitions of smoke runs begin so: policies, and a sweep, go by it. */
export const SMOKE_PREFIX = 'ecs-host-smoke-';

export type Tags = Readonly<Record<string, string>>;

/** On everything that a run makes: a sweep finds it by these. */
export function runTags(run: {
  runId: string;
  owner: string;
  kind: 'build' | 'smoke' | 'dev-host';
}): Record<string, string> {
  return { [TAG.runId]: run.runId, [TAG.owner]: run.owner, [TAG.kind]: run.kind };
}

/** What a plan knows of its image. */
export function planTags(plan: {
  imageName: string;
  profile: string;
  digest: string;
  sourceImageId: string;
}): Record<string, string> {
  return {
    Name: plan.imageName,
    [TAG.profile]: plan.profile,
    [TAG.planDigest]: plan.digest,
    [TAG.sourceImage]: plan.sourceImageId,
  };
}

/** What an instance is to run on, where that is not what the lab does by itself. */
export function machineTags({ machine }: { readonly machine: string | null }): Record<string, string> {
  return machine === 'qemu' ? { [TAG.machine]: machine } : {};
}

/** The components of an image, in the order of their names. */
export function versionTags(versions: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(versions)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, MAX_VERSIONS)
      .map(([component, version]) => [`${VERSION_PREFIX}${component}`, version.slice(0, MAX_VALUE)]),
  );
}

/** The components that an image's tags name, with their versions. */
export function versionsIn(tags: Tags): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags)
      .filter(([key]) => key.startsWith(VERSION_PREFIX))
      .map(([key, version]) => [key.slice(VERSION_PREFIX.length), version]),
  );
}

/** The tags that are not known before the bake, for people. */
export const LATER_TAGS = [TAG.runId, TAG.owner, TAG.commit, TAG.verdict, `${VERSION_PREFIX}*`].join(', ');

/** As EC2 gives them. */
export function ec2TagsAsObject(
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Tags {
  return Object.fromEntries((tags ?? []).flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? '']])));
}

/** As EC2 takes them. */
export function ec2Tags(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** As ECS takes them. */
export function ecsTags(tags: Tags): { key: string; value: string }[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}
