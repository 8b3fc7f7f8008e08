import { expect, test } from 'vitest';
import { networksOf } from '../../src/bootstrap/sources.ts';

function clients(...values: string[]): string[] {
  return networksOf('clients', values, { mayBeEverybody: true });
}

test('networks are taken as they are, each once, and the whole world where it is written out', () => {
  expect(clients('10.0.0.0/8', '203.0.113.7/32', '10.0.0.0/8')).toEqual(['10.0.0.0/8', '203.0.113.7/32']);
  expect(clients('0.0.0.0/0')).toEqual(['0.0.0.0/0']);
});

test.each([
  ['a name', ['example.com'], 'is no IPv4 network'],
  ['an address alone', ['203.0.113.7'], 'is no IPv4 network'],
  ['IPv6', ['2001:db8::/32'], 'is no IPv4 network'],
  ['a byte too large', ['10.0.0.256/32'], 'is no IPv4 network'],
  ['a length too large', ['10.0.0.0/33'], 'is no IPv4 network'],
  ['host bits', ['10.0.0.1/8'], 'is an address inside a network'],
  ['the world in two halves', ['0.0.0.0/1', '128.0.0.0/1'], 'much of the internet'],
  ['the world but one address', ['0.0.0.0/1', '128.0.0.0/2'], 'much of the internet'],
])('%s is refused', (_, values, reason) => {
  expect(() => clients(...values)).toThrow(reason);
});

test('the control port is never open to the world', () => {
  expect(() => networksOf('webserver', ['0.0.0.0/0'], { mayBeEverybody: false })).toThrow('much of the internet');
});
