import { expect, test } from 'vitest';
import { endedAnswer, hasEnded, KeyMint } from '../../../lab/endpoint/temporary-keys.ts';

const NOW = new Date('2026-11-26T12:00:00Z');

function later(seconds: number): Date {
  return new Date(NOW.getTime() + seconds * 1000);
}

test('a key that was handed out ends when it says so, and no other does', () => {
  const mint = new KeyMint();
  mint.setLifetime({ lifetimeS: 30 });
  const { AccessKeyId, Expiration } = mint.hand(NOW);
  expect(AccessKeyId).toMatch(/^ASIA[A-Z0-9]{16}$/);
  expect(Expiration).toBe(later(30).toISOString());
  expect(hasEnded(AccessKeyId, later(29))).toBe(false);
  expect(hasEnded(AccessKeyId, later(30))).toBe(true);
  for (const other of ['lab', 'AKIDEXAMPLE', '', 'ASIALAB0123456789ABC'])
    expect(hasEnded(other, later(1e6))).toBe(false);
});

test('no two keys are one', () => {
  const mint = new KeyMint();
  expect(mint.hand(NOW).Token).not.toBe(mint.hand(NOW).Token);
});

test.each([
  ['ec2', 'ec2', 400, 'RequestExpired'],
  ['ecs', 'json', 400, 'ExpiredTokenException'],
  ['sts', 'query', 403, 'ExpiredToken'],
] as const)('%s answers a key that has ended with its own code', (service, protocol, status, code) => {
  const call = { service, protocol, region: 'r', accessKeyId: '', action: 'A', parameters: {} };
  const answer = endedAnswer(call);
  expect(answer.status).toBe(status);
  expect(answer.body.toString()).toContain(code);
});

test.each([[null], [{}], [{ lifetimeS: 0 }], [{ lifetimeS: 1.5 }], [{ lifetimeS: 50_000 }]])(
  '%j is no lifetime',
  (posted) => {
    expect(() => new KeyMint().setLifetime(posted)).toThrow('lifetimeS');
  },
);
