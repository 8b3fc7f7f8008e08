import { describe, expect, test } from 'vitest';
import { ingressAccepts, renderRules } from '../../../lab/net/rules.ts';

function group(...ingress: Parameters<typeof ingressAccepts>[0][number]['ingress'][number][]) {
  return [{ id: 'sg-1', name: 'one', ingress }];
}

describe('ingressAccepts', () => {
  test.for([
    ['a port', { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' }, 'tcp dport 22 accept'],
    ['a range', { protocol: 'udp', fromPort: 32262, toPort: 32273, cidr: '0.0.0.0/0' }, 'udp dport 32262-32273 accept'],
    [
      'a source',
      { protocol: 'tcp', fromPort: 80, toPort: 80, cidr: '10.78.1.0/24' },
      'ip saddr 10.78.1.0/24 tcp dport 80 accept',
    ],
    ['every port', { protocol: 'tcp', fromPort: 0, toPort: 65535, cidr: '0.0.0.0/0' }, 'meta l4proto tcp accept'],
    ['everything', { protocol: 'all', fromPort: -1, toPort: -1, cidr: '0.0.0.0/0' }, 'accept'],
    ['any ICMP', { protocol: 'icmp', fromPort: -1, toPort: -1, cidr: '0.0.0.0/0' }, 'meta l4proto icmp accept'],
    ['one ICMP type', { protocol: 'icmp', fromPort: 8, toPort: -1, cidr: '0.0.0.0/0' }, 'icmp type 8 accept'],
  ] as const)('%s', ([, rule, expected]) => {
    expect(ingressAccepts(group(rule))).toEqual([expected]);
  });

  test('says the same thing once, whichever groups say it', () => {
    const ssh = { protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' } as const;
    expect(ingressAccepts([...group(ssh), ...group(ssh)])).toHaveLength(1);
  });
});

describe('renderRules', () => {
  const machine = (address: string, hopLimit: number) => ({ address, hopLimit, securityGroups: group() });

  test('without machines there are no empty sets, which nft would refuse', () => {
    expect(renderRules([])).not.toMatch(/\{\s*\}/);
  });

  test('each machine has its chain, its only source address and its hop limit', () => {
    const text = renderRules([machine('10.78.1.9', 2), machine('10.78.1.4', 1)]);
    expect(text).toContain('iifname . ip saddr { "m-1-4" . 10.78.1.4, "m-1-9" . 10.78.1.9 } return');
    expect(text).toContain('oifname vmap { "m-1-4" : jump to_10_78_1_4, "m-1-9" : jump to_10_78_1_9 }');
    expect(text).toMatch(/ip daddr 10\.78\.1\.9 tcp sport 80 @ih,136,128 0x[0-9a-f]{32} ip ttl set 2\n/);
  });

  test('replaces the table in one transaction, whether or not there was one', () => {
    expect(renderRules([]).split('\n').slice(0, 3)).toEqual([
      'table inet ecs_host_lab',
      'delete table inet ecs_host_lab',
      'table inet ecs_host_lab {',
    ]);
  });
});
