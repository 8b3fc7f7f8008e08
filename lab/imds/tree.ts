import { createHash } from 'node:crypto';
import { privateDnsName } from '../net/plan.ts';
import { identityDocument, pkcs7, signature } from './identity-document.ts';
import type { IdentityKeys } from './identity-keys.ts';
import type { ImdsInstance } from './instance.ts';

/** A value is made when it is asked for; a Map is a directory. */
export type Leaf = () => string | Uint8Array | Promise<string>;
export type Tree = ReadonlyMap<string, Leaf | Tree>;

function directory(entries: readonly (readonly [string, Leaf | Tree | string | null])[]): Tree {
  return new Map(
    entries.flatMap(([name, value]) => {
      if (value === null || (value instanceof Map && value.size === 0)) return [];
      return [[name, typeof value === 'string' ? () => value : value] as const];
    }),
  );
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function zulu(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

const CREDENTIALS_MS = 6 * 3600_000;

/**
 * Credentials as EC2 gives them for a role, renewed every hour and valid for six. They are the lab's: its API asks for
 * none, and AWS knows none of these.
 */
function roleCredentials({ spec }: ImdsInstance, now: Date): string {
  const issued = new Date(Math.floor(now.getTime() / 3600_000) * 3600_000);
  const seed = `${spec.instanceId} ${issued.toISOString()}`;
  return JSON.stringify(
    {
      Code: 'Success',
      LastUpdated: zulu(issued),
      Type: 'AWS-HMAC',
      AccessKeyId: `ASIALAB${digest(`key ${seed}`).slice(0, 13).toUpperCase()}`,
      SecretAccessKey: digest(`secret ${seed}`).slice(0, 40),
      Token: Buffer.from(`lab session token of ${seed}`).toString('base64'),
      Expiration: zulu(new Date(issued.getTime() + CREDENTIALS_MS)),
    },
    null,
    2,
  );
}

function instanceProfileId(arn: string): string {
  return `AIPALAB${digest(arn).slice(0, 14).toUpperCase()}`;
}

function iam(instance: ImdsInstance, now: Date): Tree {
  const profile = instance.spec.instanceProfile;
  if (profile === null) return new Map();
  return directory([
    [
      'info',
      JSON.stringify(
        {
          Code: 'Success',
          LastUpdated: zulu(now),
          InstanceProfileArn: profile.arn,
          InstanceProfileId: instanceProfileId(profile.arn),
        },
        null,
        2,
      ),
    ],
    [
      'security-credentials',
      profile.roleName === '' ? null : directory([[profile.roleName, () => roleCredentials(instance, now)]]),
    ],
  ]);
}

/** us-east-2a is `use2-az1`: the zone's letter as a number, after the region in short. */
function availabilityZoneId(region: string, zone: string): string {
  const [area = '', direction = '', number = ''] = region.split('-');
  const short = direction.replace(/north|south|east|west|central/g, (word) => word[0] ?? '');
  return `${area}${short}${number}-az${zone.charCodeAt(zone.length - 1) - 96}`;
}

function networkInterface({ spec, address }: ImdsInstance, hostname: string): Tree {
  return directory([
    ['device-number', '0'],
    ['interface-id', `eni-${digest(spec.instanceId).slice(0, 17)}`],
    ['local-hostname', hostname],
    ['local-ipv4s', address.address],
    ['mac', address.macAddress],
    ['owner-id', spec.accountId],
    ['public-ipv4s', address.address],
    ['security-group-ids', spec.securityGroups.map(({ id }) => id).join('\n')],
    ['security-groups', spec.securityGroups.map(({ name }) => name).join('\n')],
    ['subnet-id', spec.subnetId],
    ['subnet-ipv4-cidr-block', `${address.address.split('.').slice(0, 2).join('.')}.0.0/16`],
    ['vpc-id', spec.vpcId],
    ['vpc-ipv4-cidr-block', `${address.address.split('.').slice(0, 2).join('.')}.0.0/16`],
    ['vpc-ipv4-cidr-blocks', `${address.address.split('.').slice(0, 2).join('.')}.0.0/16`],
  ]);
}

function metaData(instance: ImdsInstance, now: Date): Tree {
  const { spec, address, tags } = instance;
  const hostname = privateDnsName(address.address, spec.region);
  return directory([
    ['ami-id', spec.imageId],
    ['ami-launch-index', '0'],
    ['ami-manifest-path', '(unknown)'],
    ['block-device-mapping', blockDevices(spec)],
    ['events', events(instance)],
    ['hostname', hostname],
    ['iam', iam(instance, now)],
    ['instance-action', 'none'],
    ['instance-id', spec.instanceId],
    ['instance-life-cycle', 'on-demand'],
    ['instance-type', spec.instanceType],
    ['local-hostname', hostname],
    ['local-ipv4', address.address],
    ['mac', address.macAddress],
    ['network', network(instance, hostname)],
    ['placement', placement(spec)],
    ['profile', 'default-hvm'],
    ['public-ipv4', address.address],
    ['public-keys', spec.keyPair === null ? null : publicKeys(spec.keyPair)],
    ['reservation-id', `r-${digest(`reservation ${spec.instanceId}`).slice(0, 17)}`],
    ['security-groups', spec.securityGroups.map(({ name }) => name).join('\n')],
    ['services', strings({ domain: 'amazonaws.com', partition: 'aws' })],
    ['spot', spot(instance)],
    ['tags', tags === undefined ? null : directory([['instance', strings(tags)]])],
  ]);
}

/** Volumes beside the root are ebs1 and so on, by names without /dev. */
function blockDevices({ volumes }: ImdsInstance['spec']): Tree {
  const others = volumes.map(({ deviceName }, index) => [`ebs${index + 1}`, deviceName.replace(/^\/dev\//, '')]);
  return strings({ ami: '/dev/xvda', ...Object.fromEntries(others), root: '/dev/xvda' });
}

function strings(entries: Readonly<Record<string, string>>): Tree {
  return directory(Object.entries(entries));
}

function events({ spotInterruptionAt }: ImdsInstance): Tree {
  const recommended =
    spotInterruptionAt === undefined
      ? null
      : strings({ rebalance: JSON.stringify({ noticeTime: zulu(spotInterruptionAt) }) });
  return directory([
    ['maintenance', strings({ history: '[]', scheduled: '[]' })],
    ['recommendations', recommended],
  ]);
}

function spot({ spotInterruptionAt }: ImdsInstance): Tree | null {
  if (spotInterruptionAt === undefined) return null;
  const time = zulu(spotInterruptionAt);
  return strings({ 'instance-action': JSON.stringify({ action: 'terminate', time }), 'termination-time': time });
}

function network(instance: ImdsInstance, hostname: string): Tree {
  const macs = directory([[instance.address.macAddress, networkInterface(instance, hostname)]]);
  return directory([['interfaces', directory([['macs', macs]])]]);
}

function placement({ region, availabilityZone }: ImdsInstance['spec']): Tree {
  return strings({
    'availability-zone': availabilityZone,
    'availability-zone-id': availabilityZoneId(region, availabilityZone),
    region,
  });
}

/** EC2 lists a key as `0=name`, and serves it below `0`; see `listing`. */
function publicKeys({ name, publicKey }: { readonly name: string; readonly publicKey: string }): Tree {
  // A key made by EC2 carries the pair's name as its comment.
  const [kind = '', blob = ''] = publicKey.trim().split(/\s+/);
  return directory([['0', directory([['openssh-key', `${kind} ${blob} ${name}`]])]]);
}

/** Everything below a version (`/latest`). */
export function metadataTree(instance: ImdsInstance, keys: IdentityKeys, now: Date): Tree {
  const document = identityDocument(instance);
  const { userData } = instance.spec;
  return directory([
    [
      'dynamic',
      directory([
        [
          'instance-identity',
          directory([
            ['document', document],
            ['pkcs7', () => pkcs7(document, keys)],
            ['rsa2048', () => pkcs7(document, keys)],
            ['signature', () => signature(document, keys)],
          ]),
        ],
      ]),
    ],
    ['meta-data', metaData(instance, now)],
    ['user-data', userData === null || userData.length === 0 ? null : () => userData],
  ]);
}

/** One name a line, directories with a slash; keys by EC2's own form, index and name. */
export function listing(path: readonly string[], tree: Tree, instance: ImdsInstance): string {
  if (path.at(-1) === 'public-keys') return `0=${instance.spec.keyPair?.name ?? ''}`;
  return [...tree].map(([name, value]) => (typeof value === 'function' ? name : `${name}/`)).join('\n');
}
