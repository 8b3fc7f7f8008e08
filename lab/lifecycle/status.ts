import type { LiveInstance } from '../endpoint/facts.ts';
import type { LabPaths } from '../paths.ts';
import { reasonOf } from '../reason.ts';
import { askDaemon } from './ask-daemon.ts';
import type { LabRecord } from './records.ts';
import { livingDaemon, readLabRecord } from './records.ts';

export type LabImage = {
  readonly imageId: string;
  readonly region: string;
  readonly name: string;
  readonly state: string;
};

export type LabStatus =
  | { readonly state: 'down' }
  /** A record without its process, or a process that does not answer: `up` and `down` both clean up after it. */
  | { readonly state: 'broken'; readonly record: LabRecord; readonly reason: string; readonly isGone: boolean }
  | ({
      readonly state: 'up';
      /** Ids of instances that keep it up, beside the processes that do. */
      readonly staysFor: readonly string[];
      readonly instances: readonly Omit<LiveInstance, 'securityGroups'>[];
      readonly images: readonly LabImage[];
    } & LabRecord);

export async function status(paths: LabPaths): Promise<LabStatus> {
  const record = await readLabRecord(paths);
  if (record === null) return { state: 'down' };
  if (!(await livingDaemon(record))) return { state: 'broken', record, reason: 'its daemon is gone', isGone: true };
  try {
    const answer = await askDaemon<Omit<LabStatus & { state: 'up' }, 'state'>>(record.endpoint, 'status');
    return { state: 'up', ...answer };
  } catch (error) {
    return { state: 'broken', record, reason: reasonOf(error), isGone: false };
  }
}

export function statusLines(found: LabStatus): string[] {
  if (found.state === 'down') return ['The lab is down.'];
  if (found.state === 'broken') return [`The lab is broken: ${found.reason}. \`lab down\` cleans up.`];
  const own = found.images.filter(({ name }) => !name.startsWith('debian-'));
  return [
    `The lab is up at ${found.endpoint} (process ${found.pid}, since ${found.startedAt}${found.ownerPid === null ? '' : `, for process ${found.ownerPid}`}).`,
    ...found.instances.map(
      (one) =>
        `  ${one.instanceId}  ${one.state}  ${one.address}  ${one.instanceType}  ${one.region}  from ${one.imageId}${found.staysFor.includes(one.instanceId) ? '  (the lab stays up for it)' : ''}`,
    ),
    ...own.map((image) => `  ${image.imageId}  ${image.state}  ${image.name}  ${image.region}`),
  ];
}
