import type { IngressRule, MachineSpec } from '../machine-types.ts';
import { IMDS_ADDRESS, linkName, SERVICE_ADDRESS, UPLINK } from './plan.ts';

const TABLE = 'inet ecs_host_lab';

export type FilteredMachine = {
  readonly address: string;
  readonly hopLimit: number;
  readonly securityGroups: MachineSpec['securityGroups'];
};

function chainName(address: string): string {
  return `to_${address.replaceAll('.', '_')}`;
}

function portMatch({ protocol, fromPort, toPort }: IngressRule): string {
  switch (protocol) {
    case 'all':
      return '';
    case 'icmp':
      // EC2 puts the ICMP type where other protocols have the first port; -1 is any.
      return fromPort < 0 ? 'meta l4proto icmp' : `icmp type ${fromPort}`;
    case 'tcp':
    case 'udp':
      if (fromPort <= 0 && (toPort >= 65535 || toPort < 0)) return `meta l4proto ${protocol}`;
      return `${protocol} dport ${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}`;
  }
}

/** One accept for each distinct ingress rule, in the order of the groups. */
export function ingressAccepts(groups: MachineSpec['securityGroups']): readonly string[] {
  const accepts = groups
    .flatMap((group) => group.ingress)
    .map((rule) =>
      [rule.cidr === '0.0.0.0/0' ? '' : `ip saddr ${rule.cidr}`, portMatch(rule), 'accept']
        .filter((part) => part !== '')
        .join(' '),
    );
  return [...new Set(accepts)];
}

/**
 * The answer to a token request, recognised by its first header (lab/imds writes it first): bytes 17 to 32 after the
 * TCP header are "X-Aws-Ec2-Metada". Only this answer has a hop limit on EC2; everything else on the metadata address
 * reaches containers too.
 */
const TOKEN_ANSWER = `@ih,136,128 0x${Buffer.from('X-Aws-Ec2-Metada', 'latin1').toString('hex')}`;

/**
 * The namespace's whole packet filter as one nft script, which the kernel takes as one transaction. Connections that
 * are established stay so. Dropped without an answer, as on EC2: what no ingress rule of a machine accepts. Refused
 * with an answer, so that nothing in a machine waits for a time-out: what the lab does not offer.
 */
export function renderRules(machines: readonly FilteredMachine[]): string {
  const sorted = machines.toSorted((a, b) => a.address.localeCompare(b.address));
  const sources = sorted.map(({ address }) => `"${linkName(address)}" . ${address}`).join(', ');
  const verdicts = sorted.map(({ address }) => `"${linkName(address)}" : jump ${chainName(address)}`).join(', ');
  const hopLimits = sorted.map(
    ({ address, hopLimit }) =>
      `    ip saddr ${IMDS_ADDRESS} ip daddr ${address} tcp sport 80 ${TOKEN_ANSWER} ip ttl set ${hopLimit}`,
  );
  const chains = sorted.map(
    ({ address, securityGroups }) =>
      `  chain ${chainName(address)} {\n${ingressAccepts(securityGroups)
        .map((accept) => `    ${accept}\n`)
        .join('')}  }\n`,
  );
  return `table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
${chains.join('')}  chain spoofed {
    iifname "${UPLINK}" return
${sources === '' ? '' : `    iifname . ip saddr { ${sources} } return\n`}    drop
  }
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    jump spoofed
    ip daddr ${SERVICE_ADDRESS} meta l4proto { tcp, icmp } accept
    ip daddr ${SERVICE_ADDRESS} udp dport 53 accept
    iifname != "${UPLINK}" ip daddr ${IMDS_ADDRESS} tcp dport 80 accept
    iifname "${UPLINK}" meta l4proto icmp accept
    reject with icmpx port-unreachable
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    jump spoofed
    oifname "${UPLINK}" reject with icmpx admin-prohibited
${verdicts === '' ? '' : `    oifname vmap { ${verdicts} }\n`}  }
  chain output {
    type filter hook output priority mangle; policy accept;
${hopLimits.join('\n')}
  }
}
`;
}
