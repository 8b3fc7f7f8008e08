import type { Instance } from '@aws-sdk/client-ec2';
import type { ApiTarget } from '../aws/clients.ts';
import { DEV_TAG, ec2TagsAsObject, TAG } from '../run/tags.ts';

/**
 * A development host as its tags and EC2 tell it. There is no other record of one, so every machine of its user knows
 * the same.
 */
export type DevHost = {
  readonly name: string;
  /** Whose it is. */
  readonly user: string;
  readonly runId: string;
  readonly instanceId: string;
  /** EC2's: pending, running, stopping, stopped, shutting-down. */
  readonly state: string;
  readonly address: string | null;
  readonly apiRegion: string;
  /** Where its API is; null means AWS itself. */
  readonly endpointUrl: string | null;
  readonly instanceType: string;
  readonly profile: string;
  /** The image that it was launched from. */
  readonly source: string;
  readonly sshUser: string;
  readonly transport: 'ssh' | 'session-manager';
  /** ISO 8601, of the last start. */
  readonly launchedAt: string;
  /** UTC, whole seconds; null when the tag is damaged. */
  readonly expires: string | null;
  /** 0 for never. */
  readonly idleMinutes: number;
  readonly ttlMinutes: number;
  /** False while the `up` that made it is under way, or when that was killed. */
  readonly isReady: boolean;
};

/** What DescribeInstances finds dev hosts by. */
export const LIVING_STATES = ['pending', 'running', 'stopping', 'stopped'];

const EXPIRES_FORM = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** As tags and files on the host say a time: to the second, in UTC. */
export function expiresText(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z');
}

export function expiresIn(minutes: number, now: number = Date.now()): string {
  return expiresText(new Date(now + minutes * 60_000));
}

/** @returns null for a time that is damaged */
export function parseExpires(text: string | undefined): string | null {
  return text !== undefined && EXPIRES_FORM.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;
}

function count(text: string | undefined, fallback: number): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : fallback;
}

/** Also for a host whose tags somebody damaged: it has to be listed and destroyed all the same. */
export const DEFAULT_TTL_MINUTES = 8 * 60;
export const DEFAULT_IDLE_MINUTES = 60;

/** Pure: null for an instance that is no dev host. */
export function devHostOf(instance: Instance, { apiRegion, endpointUrl }: ApiTarget): DevHost | null {
  const tags = ec2TagsAsObject(instance.Tags);
  const { InstanceId: instanceId } = instance;
  const name = tags[DEV_TAG.name];
  if (instanceId === undefined || name === undefined || tags[TAG.kind] !== 'dev-host') return null;
  return {
    name,
    user: tags[DEV_TAG.user] ?? '',
    runId: tags[TAG.runId] ?? '',
    instanceId,
    state: String(instance.State?.Name ?? 'unknown'),
    address: instance.PublicIpAddress || instance.PrivateIpAddress || null,
    apiRegion,
    endpointUrl,
    instanceType: String(instance.InstanceType ?? ''),
    profile: tags[TAG.profile] ?? '',
    source: tags[DEV_TAG.source] ?? instance.ImageId ?? '',
    sshUser: tags[DEV_TAG.sshUser] ?? 'ubuntu',
    transport: tags[DEV_TAG.transport] === 'ssh' ? 'ssh' : 'session-manager',
    launchedAt: instance.LaunchTime?.toISOString() ?? '',
    expires: parseExpires(tags[DEV_TAG.expires]),
    idleMinutes: count(tags[DEV_TAG.idleMinutes], DEFAULT_IDLE_MINUTES),
    ttlMinutes: count(tags[DEV_TAG.ttlMinutes], DEFAULT_TTL_MINUTES),
    isReady: tags[DEV_TAG.ready] !== undefined,
  };
}

/** How long the `up` that makes a host may take; after that one that is not ready was left by it. */
const UP_LIMIT_MS = 45 * 60_000;

/** What people are told of it: EC2's state, or why that is not all. */
export function conditionOf(host: DevHost, now: number = Date.now()): string {
  if (host.state === 'running' && !host.isReady)
    return now - Date.parse(host.launchedAt) > UP_LIMIT_MS ? 'unfinished' : 'being made';
  if (host.state === 'running' && host.expires !== null && Date.parse(host.expires) < now) return 'overdue';
  return host.state;
}
