import { describe, expect, test } from 'vitest';
import {
  linkName,
  macAddressOf,
  networkPlan,
  networkPrefixes,
  nextAddress,
  privateDnsName,
} from '../../../lab/net/plan.ts';

describe('nextAddress', () => {
  test('starts at .1.4 and goes on from where it was', () => {
    const first = nextAddress('10.78', new Set());
    expect(first.address).toBe('10.78.1.4');
    expect(nextAddress('10.78', new Set(), first.next).address).toBe('10.78.1.5');
  });

  test('passes over taken addresses and those that end in 0 or 255', () => {
    expect(nextAddress('10.78', new Set(['10.78.1.254']), 256 + 254).address).toBe('10.78.2.1');
  });

  test('comes round to the start', () => {
    expect(nextAddress('10.78', new Set(['10.78.199.254']), 199 * 256 + 254).address).toBe('10.78.1.4');
  });

  test('says so when none is left', () => {
    const all = new Set(Array.from({ length: 256 * 256 }, (_, n) => `10.78.${n >> 8}.${n & 255}`));
    expect(() => nextAddress('10.78', all)).toThrow('no free address');
  });
});

describe('names that follow from an address', () => {
  test('links fit into the 15 characters that the kernel allows', () => {
    for (const name of [
      linkName('10.78.199.254'),

      networkPlan('01234567', '10.78').outsideLink,
    ]) {
      expect(name.length).toBeLessThanOrEqual(15);
    }
  });

  test('the MAC address is locally administered and holds the address', () => {
    expect(macAddressOf('10.78.1.4')).toBe('0a:4e:0a:4e:01:04');
  });

  test('the DNS name is as EC2 forms it', () => {
    expect(privateDnsName('10.78.1.4', 'us-east-1')).toBe('ip-10-78-1-4.ec2.internal');
    expect(privateDnsName('10.78.1.4', 'us-west-2')).toBe('ip-10-78-1-4.us-west-2.compute.internal');
  });

  test.for(['78', '192.168', '10.256', '10.78.0'])('refuses %s as a network', (prefix) => {
    expect(() => networkPrefixes(prefix)).toThrow('ECS_HOST_LAB_NETWORK');
  });
});
