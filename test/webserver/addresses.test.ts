import { expect, test } from 'vitest';
import { AddressBudget } from '../../webserver/address-budget.ts';
import { networkOf, plainAddress } from '../../webserver/addresses.ts';

test.each([
  ['10.0.0.1', '10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1', '10.0.0.1'],
  ['::FFFF:10.0.0.1', '10.0.0.1', '10.0.0.1'],
  ['::1', '::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8::9', '2001:db8:0:0::/64'],
  ['fe80::1%ens5', 'fe80::1', 'fe80:0:0:0::/64'],
])('%s is %s, of %s', (address, plain, network) => {
  expect(plainAddress(address)).toBe(plain);
  expect(networkOf(address)).toBe(network);
});

test('an address that asked too often waits; others do not', () => {
  let ms = 0;
  const budget = new AddressBudget(() => ms, { burst: 2, perSecond: 1 });
  expect([1, 2, 3].map(() => budget.take('10.0.0.1'))).toEqual([true, true, false]);
  expect(budget.take('10.0.0.2')).toBe(true);
  expect([budget.take('2001:db8::1'), budget.take('2001:db8::2'), budget.take('2001:db8::3')]).toEqual([
    true,
    true,
    false,
  ]);
  ms += 1000;
  expect([1, 2].map(() => budget.take('10.0.0.1'))).toEqual([true, false]);
  budget.giveBack('10.0.0.1', 5);
  expect([1, 2, 3].map(() => budget.take('10.0.0.1'))).toEqual([true, true, false]);
});

test('a hundred hosts behind one address come back at once, and fail a few times', () => {
  const budget = new AddressBudget(() => 0);
  for (let n = 0; n < 1000; n += 1) expect(budget.take('10.0.0.1')).toBe(true);
});

test('a crowd of addresses does not fill the memory', () => {
  const budget = new AddressBudget(() => 0, { most: 10 });
  for (let n = 0; n < 256; n += 1) budget.take(`10.0.0.${n}`);
  expect(budget.networks).toBe(10);
});
