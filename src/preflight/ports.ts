import { networkInterfaces } from 'node:os';
import { DescribeSecurityGroupsCommand, type EC2Client, type IpPermission } from '@aws-sdk/client-ec2';
import { isWithin } from '../config/networks.ts';
import { ask, type Look, missing, ok, type Result } from './look.ts';
import type { Subject } from './subject.ts';

type Port = { readonly protocol: 'tcp' | 'udp'; readonly port: number };

/**
 * Addresses by which this machine may be known to a host; `isPublicKnown` is false where nobody told the public one.
 */
export type Here = { readonly addresses: readonly string[]; readonly isPublicKnown: boolean };

/** AWS's own answer to where a request comes from. */
const ADDRESS_SERVICE = 'https://checkip.amazonaws.com';
const ADDRESS_MS = 2000;
const DOTTED = /^(\d{1,3}\.){3}\d{1,3}$/;

/** Where clients that run on this machine come from; the addresses of its own count in the VPC of the hosts. */
export async function findHere(endpointUrl: string | null): Promise<Here> {
  const own = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .flatMap(({ family, internal, address }) => (family === 'IPv4' && !internal ? [address] : []));
  if (endpointUrl !== null) return { addresses: own, isPublicKnown: false };
  const asked = fetch(ADDRESS_SERVICE, { signal: AbortSignal.timeout(ADDRESS_MS) });
  const told = await asked.then((answer) => answer.text()).catch(() => '');
  const address = told.trim();
  return DOTTED.test(address)
    ? { addresses: [...own, address], isPublicKnown: true }
    : { addresses: own, isPublicKnown: false };
}

function covers({ IpProtocol, FromPort, ToPort }: IpPermission, { protocol, port }: Port): boolean {
  if (IpProtocol === '-1') return true;
  return IpProtocol === protocol && (FromPort ?? 0) <= port && port <= (ToPort ?? 65_535);
}

/** Pure: which of the ports are not open to here, each with why. */
export function closedPorts(permissions: readonly IpPermission[], ports: readonly Port[], here: Here): string[] {
  return ports.flatMap((wanted) => {
    const rules = permissions.filter((permission) => covers(permission, wanted));
    const cidrs = rules.flatMap(({ IpRanges = [] }) => IpRanges.flatMap(({ CidrIp }) => CidrIp ?? []));
    // What a prefix list or another group holds is not looked at.
    const others = rules.flatMap(({ PrefixListIds = [], UserIdGroupPairs = [] }) => [
      ...PrefixListIds,
      ...UserIdGroupPairs,
    ]);
    if (others.length > 0) return [];
    const said = `${wanted.port}/${wanted.protocol}`;
    if (cidrs.length === 0) return [`${said} is closed`];
    const isOpen = here.addresses.some((address) => cidrs.some((cidr) => isWithin(`${address}/32`, cidr)));
    return isOpen || !here.isPublicKnown ? [] : [`${said} is open to ${cidrs.join(', ')} only`];
  });
}

function judge(group: string, permissions: readonly IpPermission[], subject: Subject, here: Here): Result {
  const { discoveryTcp, streamUdp, streamTcp } = subject.workload.ports;
  const ports: readonly Port[] = [
    { protocol: 'tcp', port: discoveryTcp },
    { protocol: 'udp', port: streamUdp },
    { protocol: 'tcp', port: streamTcp },
  ];
  const closed = closedPorts(permissions, ports, here);
  const all = ports.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
  if (closed.length === 0) return ok(`${group} opens ${all}`);
  const last = here.isPublicKnown ? (here.addresses.at(-1) ?? '') : '';
  // Bootstrap takes away what it does not name: who is let in stays so.
  const before = permissions
    .filter((permission) => ports.some((port) => covers(permission, port)))
    .flatMap(({ IpRanges = [] }) => IpRanges.flatMap(({ CidrIp }) => CidrIp ?? []));
  const clients = [...new Set([...before, last === '' ? 'NETWORK' : `${last}/32`])].join(' --clients ');
  return missing(
    `in ${group} ${closed.join(', ')}${last === '' ? '' : `; this machine is ${last}`}`,
    `\`ecs-host bootstrap --region ${subject.region} --clients ${clients}\`, or add the rules to the group`,
  );
}

/** Smoke's client of the stream runs here, so the workload's ports have to be open to here. */
export function portsLook(ec2: EC2Client, subject: Subject, findAddresses: () => Promise<Here>): Look {
  return {
    name: "the workload's ports",
    needed: 'open to the client of the smoke test, which is here',
    look: async (abortSignal) => {
      const { by, value, vpcId } = subject.securityGroup;
      const inVpc = vpcId === null ? [] : [{ Name: 'vpc-id', Values: [vpcId] }];
      const command = new DescribeSecurityGroupsCommand({ Filters: [{ Name: by, Values: [value] }, ...inVpc] });
      const [{ SecurityGroups = [] }, here] = await Promise.all([
        ask('ec2:DescribeSecurityGroups', ec2.send(command, { abortSignal })),
        findAddresses(),
      ]);
      const [group, another] = SecurityGroups;
      // Planning says so.
      if (group === undefined || another !== undefined) return null;
      return judge(group.GroupName ?? value, group.IpPermissions ?? [], subject, here);
    },
  };
}
