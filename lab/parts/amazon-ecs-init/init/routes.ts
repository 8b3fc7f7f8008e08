import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { isTrue } from './container.ts';
import { log } from './log.ts';

/** One rule of the packet filter that ecs-init makes and takes away. */
export type Rule = {
  readonly table: 'nat' | 'filter';
  /** Rules of the filter go before those that are there. */
  readonly how: '-A' | '-I';
  readonly rule: readonly string[];
  readonly alsoIp6?: true;
};

const CREDENTIALS = ['-p', 'tcp', '-d', '169.254.170.2', '--dport', '80'];
const INTROSPECTION = ['-p', 'tcp', '--dport', '51678'];

/** Pure: rules in the order in which they are made. @param bridge Docker's own, if it has one */
export function rulesOf(bridge: string | null, process: Readonly<Record<string, string | undefined>>): readonly Rule[] {
  const localhost: Rule = {
    table: 'filter',
    how: '-I',
    rule: [
      ...['INPUT', '--dst', '127.0.0.0/8', '!', '--src', '127.0.0.0/8'],
      ...['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'DROP'],
    ],
  };
  const fromOutside: Rule = {
    table: 'filter',
    how: '-I',
    rule: ['INPUT', ...INTROSPECTION, '!', '-i', 'lo', '-j', 'DROP'],
    alsoIp6: true,
  };
  const fromBridge: Rule = {
    table: 'filter',
    how: '-I',
    rule: ['INPUT', ...INTROSPECTION, '-i', bridge ?? '', '-j', 'ACCEPT'],
    alsoIp6: true,
  };
  return [
    {
      table: 'nat',
      how: '-A',
      rule: ['PREROUTING', ...CREDENTIALS, '-j', 'DNAT', '--to-destination', '127.0.0.1:51679'],
    },
    ...(isTrue(process['ECS_SKIP_LOCALHOST_TRAFFIC_FILTER']) ? [] : [localhost]),
    ...(isTrue(process['ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS'])
      ? []
      : [fromOutside, ...(bridge === null ? [] : [fromBridge])]),
    { table: 'nat', how: '-A', rule: ['OUTPUT', ...CREDENTIALS, '-j', 'REDIRECT', '--to-ports', '51679'] },
  ];
}

async function tool(file: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(file, [...args])).stdout;
}

async function change({ table, rule, alsoIp6 }: Rule, action: string): Promise<void> {
  const args = ['-t', table, action, ...rule];
  await tool('iptables', args);
  if (!alsoIp6 || !existsSync('/proc/sys/net/ipv6')) return;
  await tool('ip6tables', args).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    log('ip6tables unable to be found on the host. Assuming IPv6 is not available', 'warn');
  });
}

const ROUTE_LOCALNET = 'net.ipv4.conf.all.route_localnet';

/** Containers reach the agent's credentials and introspection by an address of their own. @throws what a tool says */
export async function createRoutes(bridge: string | null): Promise<void> {
  log('pre-start: enabling loopback routing');
  await tool('sysctl', ['-w', `${ROUTE_LOCALNET}=1`]);
  log('pre-start: disabling ipv6 router advertisements');
  await tool('sysctl', ['-e', '-w', 'net.ipv6.conf.docker0.accept_ra=0']);
  log('pre-start: creating credentials proxy route');
  for (const rule of rulesOf(bridge, process.env)) await change(rule, rule.how);
}

/** Rules that are not there are no failure: nobody knows how far a start came. */
export async function removeRoutes(bridge: string | null): Promise<void> {
  const [, value = ''] = (await tool('sysctl', ['net.ipv4.conf.default.route_localnet'])).split('=');
  await tool('sysctl', ['-w', `${ROUTE_LOCALNET}=${value.trim()}`]);
  for (const rule of rulesOf(bridge, process.env)) await change(rule, '-D').catch(() => undefined);
}
