import { paginateDescribeInstances, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { reasonOf } from '#contracts/reason.ts';
import type { AwsClients } from '../../aws/clients.ts';
import { isGone } from '../../aws/removal.ts';
import type { Reporter } from '../../io/reporter.ts';
import { DEV_TAG, ec2TagsAsObject, TAG, type Tags } from '../tags.ts';

export type Overdue = {
  readonly instanceId: string;
  readonly name: string;
  readonly user: string;
  readonly expires: string;
};

export type Stopped = Overdue & { readonly outcome: 'stopped' | 'failed' };

/** A host stops itself; who is past its time by this has lost its watch. */
const GRACE_MS = 5 * 60_000;
/** As the watch on the host reads it: anything else is no time. */
const ZULU = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Pure: which of the dev hosts that run should have stopped by now. What its `up` has not finished is a run's. */
export function selectOverdue(
  running: readonly { readonly id: string; readonly tags: Tags }[],
  now: number,
): Overdue[] {
  return running.flatMap(({ id, tags }) => {
    const expires = tags[DEV_TAG.expires] ?? '';
    if (tags[TAG.kind] !== 'dev-host' || tags[DEV_TAG.ready] === undefined || !ZULU.test(expires)) return [];
    // NaN is no time either, and never over.
    if (!(Date.parse(expires) + GRACE_MS < now)) return [];
    return [{ instanceId: id, name: tags[DEV_TAG.name] ?? '', user: tags[DEV_TAG.user] ?? '', expires }];
  });
}

async function runningDevHosts({ ec2: client }: AwsClients): Promise<{ id: string; tags: Tags }[]> {
  const found: { id: string; tags: Tags }[] = [];
  const Filters = [
    { Name: `tag:${TAG.kind}`, Values: ['dev-host'] },
    { Name: 'instance-state-name', Values: ['running'] },
  ];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client }, { Filters }))
    for (const { Instances = [] } of Reservations)
      for (const { InstanceId: id, Tags } of Instances) if (id) found.push({ id, tags: ec2TagsAsObject(Tags) });
  return found;
}

/**
 * Stops dev hosts, whoever's they are, that should have stopped by themselves and did not. None is terminated: what is
 * on it is its user's.
 *
 * @returns what was overdue, and for a dry run nothing that was stopped
 */
export async function stopOverdue(
  clients: AwsClients,
  { reporter, dryRun }: { readonly reporter: Reporter; readonly dryRun: boolean },
): Promise<{ readonly overdue: readonly Overdue[]; readonly stopped: readonly Stopped[] }> {
  const overdue = selectOverdue(await runningDevHosts(clients), Date.now());
  if (dryRun) return { overdue, stopped: [] };
  const stopped: Stopped[] = [];
  for (const host of overdue) {
    const what = `dev host ${host.name} of ${host.user} (${host.instanceId}), which was to stop at ${host.expires}`;
    try {
      await clients.ec2.send(new StopInstancesCommand({ InstanceIds: [host.instanceId] }));
      reporter.emit({ type: 'note', code: 'DEV_HOST_OVERDUE', text: `stopped: ${what}` });
      stopped.push({ ...host, outcome: 'stopped' });
    } catch (error) {
      if (isGone(error)) continue;
      reporter.emit({
        type: 'warning',
        code: 'DEV_HOST_NOT_STOPPED',
        text: `not stopped: ${what}: ${reasonOf(error)}`,
      });
      stopped.push({ ...host, outcome: 'failed' });
    }
  }
  return { overdue, stopped };
}
