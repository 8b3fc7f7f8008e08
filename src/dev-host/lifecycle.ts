import {
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { terminateAndWait, waitForAddress, waitForState } from '../aws/instances.ts';
import { retryWhileHeld } from '../aws/removal.ts';
import { formatMinutes } from '../io/duration.ts';
import { userError } from '../io/errors.ts';
import { DEV_TAG, ec2Tags, TAG } from '../run/tags.ts';
import { type DevHost, expiresIn } from './dev-host.ts';
import { LONGEST_TTL_HOURS } from './user-data.ts';

async function setExpires({ ec2 }: AwsClients, { instanceId }: DevHost, expires: string): Promise<void> {
  const Tags = ec2Tags({ [DEV_TAG.expires]: expires });
  await ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
}

function inState(host: DevHost, wanted: string, hint: string): Error {
  return userError('DEV_HOST_STATE', `${host.name} is ${host.state}, and ${wanted}.`, hint);
}

/** Stops it; what is on its volume stays, and costs what the volume costs. Fine when it is stopped already. */
export async function stopDevHost(clients: AwsClients, host: DevHost, signal: AbortSignal): Promise<void> {
  if (host.state === 'pending') throw inState(host, 'cannot be stopped before it runs', 'try again in a moment');
  if (host.state === 'running') await clients.ec2.send(new StopInstancesCommand({ InstanceIds: [host.instanceId] }));
  await waitForState(clients, host.instanceId, 'stopped', signal);
}

/**
 * Starts it, with its whole time before it. The time comes first: a host that boots with one that is over stops at
 * once.
 */
export async function startDevHost(
  clients: AwsClients,
  host: DevHost,
  { ttlMinutes, signal }: { readonly ttlMinutes: number; readonly signal: AbortSignal },
): Promise<string> {
  const expires = expiresIn(ttlMinutes);
  if (host.state === 'stopping') await waitForState(clients, host.instanceId, 'stopped', signal);
  await setExpires(clients, host, expires);
  if (host.state !== 'running') await clients.ec2.send(new StartInstancesCommand({ InstanceIds: [host.instanceId] }));
  await waitForAddress(clients, host.instanceId, signal);
  return expires;
}

/** What the host itself counts at most. */
export const MOST_MINUTES = LONGEST_TTL_HOURS * 60;

/**
 * Gives it more time, counted from when it would have stopped.
 *
 * @returns when it stops now
 * @throws EcsHostError (user) `DURATION` when that would be too far away
 */
export async function extendDevHost(clients: AwsClients, host: DevHost, minutes: number): Promise<string> {
  const base = Math.max(Date.now(), host.expires === null ? 0 : Date.parse(host.expires));
  const expires = expiresIn(minutes, base);
  if (Date.parse(expires) - Date.now() > MOST_MINUTES * 60_000)
    throw userError(
      'DURATION',
      `${host.name} would stop only on ${expires}, and a dev host stays for ${formatMinutes(MOST_MINUTES)} at most.`,
      'extend it by less, and again later',
    );
  await setExpires(clients, host, expires);
  return expires;
}

async function groupsOf({ ec2 }: AwsClients, runId: string): Promise<string[]> {
  const Filters = [
    { Name: `tag:${TAG.runId}`, Values: [runId] },
    { Name: `tag:${TAG.kind}`, Values: ['dev-host'] },
  ];
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
  return SecurityGroups.flatMap(({ GroupId }) => (GroupId === undefined ? [] : [GroupId]));
}

/** Terminates it and removes what belongs to it: its volume goes with it, its group after it. Can be done again. */
export async function destroyDevHost(clients: AwsClients, { instanceId, runId }: DevHost): Promise<void> {
  await terminateAndWait(clients, [instanceId]);
  if (runId === '') return;
  for (const GroupId of await groupsOf(clients, runId))
    await retryWhileHeld(() => clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId })));
}
