import { DescribeSecurityGroupsCommand, type IpPermission } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../../aws/clients.ts';

/**
 * Where a port is looked for that nobody opens: below 32768, since ECS takes host ports from there up, and groups open
 * them all for that; and above what services usually listen on.
 */
const FROM = 32_000;
const TO = 20_000;
const STEP = 101;
const ALL_PROTOCOLS = '-1';

function opens({ IpProtocol = '', FromPort, ToPort }: IpPermission, port: number): boolean {
  if (IpProtocol === ALL_PROTOCOLS) return true;
  const isTcp = IpProtocol === 'tcp' || IpProtocol === '6';
  return isTcp && (FromPort ?? 0) <= port && port <= (ToPort ?? 65_535);
}

/** Pure: a port of TCP that none of these rules opens to anybody, or null when they open all that are tried. */
export function closedPortOf(permissions: readonly IpPermission[], taken: readonly number[]): number | null {
  for (let port = FROM; port > TO; port -= STEP)
    if (!taken.includes(port) && !permissions.some((permission) => opens(permission, port))) return port;
  return null;
}

/** @returns null when the group opens everything */
export async function findClosedPort(
  { ec2 }: AwsClients,
  groupId: string,
  taken: readonly number[],
): Promise<number | null> {
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [groupId] }));
  return closedPortOf(SecurityGroups[0]?.IpPermissions ?? [], taken);
}
