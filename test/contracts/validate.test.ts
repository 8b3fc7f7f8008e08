import { expect, test } from 'vitest';
import { asMessage } from '#contracts/validate.ts';

const isMessage = (name: Parameters<typeof asMessage>[0], value: unknown): boolean =>
  'message' in asMessage(name, value);

test.each(['\r', '\n', '\0', '\u001b', '\u007f', '\u0085', '\u009b', '\u2028', '\u2029'])(
  'a reason with %j is none',
  (character) => {
    const reason = `no${character}MAINPID=1`;
    expect(isMessage('ControlRequest', { version: 1, reason })).toBe(false);
    expect(isMessage('HandshakeDenied', { version: 1, denied: true, reason })).toBe(false);
    expect(isMessage('Revoked', { version: 1, revoked: true, reason })).toBe(false);
  },
);

test('what people write is a reason', () => {
  for (const reason of ['maintenance', 'gestohlen — “wirklich” 😀', 'a"b\'c\\d'])
    expect(isMessage('ControlRequest', { version: 1, reason })).toBe(true);
});
