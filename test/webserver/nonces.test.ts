import { expect, test } from 'vitest';
import { NONCE_LIFE_S, Nonces } from '../../webserver/nonces.ts';
import { instanceIdOf } from '../fixtures/host.ts';

const A = instanceIdOf(1);
const B = instanceIdOf(2);

function create() {
  const clock = { ms: 1000.5 };
  return { clock, nonces: new Nonces(() => clock.ms) };
}

test('a nonce fits the protocol, and is good for its instance, once, for its life', () => {
  const { clock, nonces } = create();
  const nonce = nonces.issue(A);
  expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(nonces.issue(A)).not.toBe(nonce);
  expect([nonces.isGood(nonce, A), nonces.isGood(nonce, B)]).toEqual([true, false]);
  const other = nonces.issue(A);
  nonces.spend(nonce);
  expect([nonces.isGood(nonce, A), nonces.isGood(other, A)]).toEqual([false, true]);
  clock.ms += NONCE_LIFE_S * 1000;
  expect(nonces.isGood(other, A)).toBe(false);
});

test('a nonce of another process, a changed one, and another way to write a used one are none', () => {
  const { nonces } = create();
  const nonce = nonces.issue(A);
  expect(create().nonces.isGood(nonce, A)).toBe(false);
  for (let at = 0; at < 32; at += 1) {
    const bytes = Buffer.from(nonce, 'base64url');
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    expect(nonces.isGood(bytes.toString('base64url'), A)).toBe(false);
  }
  nonces.spend(nonce);
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const character of last) expect(nonces.isGood(nonce.slice(0, -1) + character, A)).toBe(false);
});

test('nothing is remembered of those who only ask, nor of nonces that have run out', () => {
  const { clock, nonces } = create();
  for (let n = 0; n < 20_000; n += 1) nonces.issue(A);
  expect(nonces.remembered).toBe(0);
  nonces.spend(nonces.issue(A));
  expect(nonces.remembered).toBe(1);
  clock.ms += NONCE_LIFE_S * 1000;
  nonces.spend(nonces.issue(A));
  expect(nonces.remembered).toBe(1);
});
