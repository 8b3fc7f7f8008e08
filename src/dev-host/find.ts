import { paginateDescribeInstances } from '@aws-sdk/client-ec2';
import type { ApiTarget, AwsClients } from '../aws/clients.ts';
import { userError } from '../io/errors.ts';
import { nearest } from '../io/nearest.ts';
import { DEV_TAG, TAG } from '../run/tags.ts';
import { type DevHost, devHostOf, LIVING_STATES } from './dev-host.ts';

/** Dev hosts of a region, by name; `user` null for everybody's. Those that are gone are not among them. */
export async function listDevHosts(
  { ec2 }: AwsClients,
  { user, ...api }: ApiTarget & { readonly user: string | null },
): Promise<DevHost[]> {
  const Filters = [
    { Name: `tag:${TAG.kind}`, Values: ['dev-host'] },
    { Name: 'instance-state-name', Values: LIVING_STATES },
    ...(user === null ? [] : [{ Name: `tag:${DEV_TAG.user}`, Values: [user] }]),
  ];
  const found: DevHost[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, { Filters }))
    for (const instance of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      const host = devHostOf(instance, api);
      if (host !== null) found.push(host);
    }
  return found.sort((a, b) => a.name.localeCompare(b.name) || a.instanceId.localeCompare(b.instanceId));
}

function named(hosts: readonly DevHost[], name: string): DevHost {
  const [found, another] = hosts.filter((host) => host.name === name || host.instanceId === name);
  if (found === undefined) {
    const known = hosts.map((host) => host.name);
    const close = nearest(name, known);
    throw userError(
      'DEV_HOST_UNKNOWN',
      `There is no dev host ${name} of yours here.`,
      close !== null
        ? `did you mean ${close}?`
        : known.length === 0
          ? '`ecs-host dev-host up` brings one up; hosts of another region need --region'
          : `there are: ${known.join(', ')}`,
    );
  }
  if (another)
    throw userError(
      'DEV_HOST_AMBIGUOUS',
      `Two of your dev hosts are named ${name}: ${found.instanceId} and ${another.instanceId}.`,
      'name one by its instance id',
    );
  return found;
}

/**
 * Pure: the hosts that were named, by name or instance id; the only one when none was.
 *
 * @throws EcsHostError (user) `DEV_HOST_UNKNOWN`, or `DEV_HOST_AMBIGUOUS` when nothing says which is meant
 */
export function pickDevHosts(hosts: readonly DevHost[], names: readonly string[]): DevHost[] {
  if (names.length > 0) return names.map((name) => named(hosts, name));
  const [only, another] = hosts;
  if (only === undefined)
    throw userError(
      'DEV_HOST_UNKNOWN',
      'You have no dev host here.',
      '`ecs-host dev-host up` brings one up; hosts of another region need --region',
    );
  if (another)
    throw userError(
      'DEV_HOST_AMBIGUOUS',
      `You have ${hosts.length} dev hosts here, and none was named.`,
      `name one of ${hosts.map((host) => host.name).join(', ')}`,
    );
  return [only];
}

/** The host of that name, or the only one. @throws EcsHostError (user) as `pickDevHosts` */
export async function findDevHost(
  clients: AwsClients,
  query: ApiTarget & { readonly user: string; readonly name: string | null },
): Promise<DevHost> {
  const [host] = pickDevHosts(await listDevHosts(clients, query), query.name === null ? [] : [query.name]);
  return host as DevHost;
}
