import { expect, test } from 'vitest';
import { useOf } from '../../../lab/net/free-networks.ts';
import { networkPrefixes } from '../../../lab/net/plan.ts';

const WAY_OUT = { dst: 'default', dev: 'eth0' };

test.each([
  ['nothing but the way out', [], [WAY_OUT], 'free'],
  ['a VPN that takes everything in halves', [], [WAY_OUT, { dst: '0.0.0.0/1', dev: 'tun0' }], 'free'],
  ['a network of this machine that holds it', [], [WAY_OUT, { dst: '10.0.0.0/8', dev: 'tun0' }], 'covered'],
  ['the route of another lab', [{ dst: '10.78.0.0/16', dev: 'ehl-01234567' }], [WAY_OUT], 'taken'],
  ['an address of this machine', [{ dst: '10.78.3.4', dev: 'eth1' }], [], 'taken'],
] as const)('a network with %s', (_what, within, around, use) => {
  expect(useOf(within, around)).toBe(use);
});

test('the usual network comes first, and one that is asked for is the only one', () => {
  const all = networkPrefixes('');
  expect([all[0], all[1], all.at(-1), all.length]).toEqual(['10.78', '10.77', '10.64', 15]);
  expect(networkPrefixes('10.200')).toEqual(['10.200']);
});
