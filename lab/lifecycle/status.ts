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

/** Rows with each column as wide as its longest cell; what else there is to say stands below each. */
function listed(
  title: string,
  rows: readonly { readonly cells: readonly string[]; readonly more: readonly string[] }[],
): string[] {
  const widthOf = (at: number) => Math.max(...rows.map(({ cells }) => cells[at]?.length ?? 0));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widthOf(at)))
      .join('  ')
      .trimEnd();
  return rows.length === 0
    ? []
    : [title, ...rows.flatMap(({ cells, more }) => [`  ${line(cells)}`, ...more.map((text) => `    ${text}`)])];
}

/** For 80 columns: an image's name, which may be longer than that, has a line of its own, whole. */
export function statusLines(found: LabStatus): string[] {
  if (found.state === 'down') return ['The lab is down.'];
  if (found.state === 'broken') return [`The lab is broken: ${found.reason}. \`lab down\` cleans up.`];
  const { endpoint, pid, startedAt, ownerPid, instances, images, staysFor } = found;
  const own = images.filter(({ name }) => !name.startsWith('debian-'));
  return [
    `The lab is up at ${endpoint}`,
    `(process ${pid}, since ${startedAt}${ownerPid === null ? '' : `, for process ${ownerPid}`}).`,
    ...listed(
      'Machines:',
      instances.map(({ instanceId, state, address, instanceType, region, imageId }) => ({
        cells: [instanceId, state, address],
        more: [
          `${instanceType} in ${region}, from ${imageId}`,
          ...(staysFor.includes(instanceId) ? ['the lab stays up for it'] : []),
        ],
      })),
    ),
    ...listed(
      'Images:',
      own.map(({ imageId, state, region, name }) => ({ cells: [imageId, state, region], more: [name] })),
    ),
  ];
}
