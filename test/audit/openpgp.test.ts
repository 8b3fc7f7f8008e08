import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { keyFingerprints } from '../../src/audit/provisioned/openpgp.ts';
import { CURVE_FINGERPRINT, CURVE_KEY, RSA_FINGERPRINT, RSA_KEY } from './keys.ts';

function bytesOf(armoured: string): Buffer {
  return Buffer.from(armoured.split('\n').slice(2, -3).join(''), 'base64');
}

function armoured(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PGP PUBLIC KEY BLOCK-----', '', ...lines, '-----END PGP PUBLIC KEY BLOCK-----', ''].join('\n');
}

/** A packet with a length of the new form. */
function packet(tag: number, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([Buffer.from([0xc0 | tag, 255]), length, body]);
}

const BODY = Buffer.concat([Buffer.from([4, 1, 2, 3, 4, 1]), Buffer.alloc(200, 7)]);
const BODY_FINGERPRINT = createHash('sha1')
  .update(Buffer.from([0x99, BODY.length >> 8, BODY.length & 255]))
  .update(BODY)
  .digest('hex')
  .toUpperCase();
const USER = packet(13, Buffer.from('somebody'));

/** What a key is taken for that has packets beside one of its own. */
function beside(...packets: readonly Buffer[]): readonly string[] | null {
  return keyFingerprints(armoured(Buffer.concat([packet(6, BODY), USER, ...packets])));
}

describe('a key', () => {
  test('that gpg made has the fingerprint that gpg says', () => {
    expect(keyFingerprints(RSA_KEY)).toEqual([RSA_FINGERPRINT]);
    expect(keyFingerprints(CURVE_KEY)).toEqual([CURVE_FINGERPRINT]);
  });

  test('may have headers, no checksum, and other ends of lines', () => {
    expect(keyFingerprints(CURVE_KEY.replace('\n\n', '\nVersion: GnuPG v2\nComment: x\n\n'))).toEqual([
      CURVE_FINGERPRINT,
    ]);
    expect(keyFingerprints(CURVE_KEY.replace('=8fW1\n', ''))).toEqual([CURVE_FINGERPRINT]);
    expect(keyFingerprints(CURVE_KEY.replaceAll('\n', '\r\n'))).toEqual([CURVE_FINGERPRINT]);
  });

  test.each([
    ['of the old form with two bytes', Buffer.concat([Buffer.from([0x99, 0, BODY.length]), BODY])],
    ['of the old form with one byte', Buffer.concat([Buffer.from([0x98, BODY.length]), BODY])],
    ['of the old form with four bytes', Buffer.concat([Buffer.from([0x9a, 0, 0, 0, BODY.length]), BODY])],
    ['of the new form with two bytes', Buffer.concat([Buffer.from([0xc6, 192, BODY.length - 192]), BODY])],
    ['of the new form with five bytes', packet(6, BODY)],
  ])('is the same with a length %s', (_what, bytes) => {
    expect(keyFingerprints(armoured(Buffer.concat([bytes, USER])))).toEqual([BODY_FINGERPRINT]);
  });

  test('may have subkeys and signatures', () => {
    expect(beside(packet(2, Buffer.alloc(9)), packet(14, BODY), packet(17, Buffer.alloc(3)))).toEqual([
      BODY_FINGERPRINT,
    ]);
  });
});

describe('what is no key', () => {
  test.each([
    ['nothing', ''],
    ['a text', 'no key'],
    ['a block without an end', RSA_KEY.replace(/-----END.*/, '')],
    ['another block', RSA_KEY.replaceAll('PUBLIC KEY BLOCK', 'MESSAGE')],
    ['a block of nothing', armoured(Buffer.alloc(0))],
    ['a block that ends too early', armoured(bytesOf(RSA_KEY).subarray(0, 200))],
    ['a block that is no packet', armoured(Buffer.from([1, 2, 3]))],
    ['a length that is not said', armoured(Buffer.concat([Buffer.from([0x9b]), BODY]))],
    ['a length in parts', armoured(Buffer.concat([Buffer.from([0xc6, 224 + 5]), BODY]))],
  ])('is %s', (_what, text) => {
    expect(keyFingerprints(text) ?? []).toEqual([]);
  });
});

describe('a second key', () => {
  test('in the same block is seen', () => {
    const both = armoured(Buffer.concat([bytesOf(RSA_KEY), bytesOf(CURVE_KEY)]));
    expect(keyFingerprints(both)).toEqual([RSA_FINGERPRINT, CURVE_FINGERPRINT]);
  });

  test('in a second block is seen: apt takes all of a file', () => {
    expect(keyFingerprints(`${RSA_KEY}${CURVE_KEY}`)).not.toEqual([RSA_FINGERPRINT]);
    expect(keyFingerprints(`${RSA_KEY}\n\n${CURVE_KEY}`)).not.toEqual([RSA_FINGERPRINT]);
  });

  test('in a block before it is seen, which has another name', () => {
    const other = CURVE_KEY.replaceAll('PUBLIC KEY BLOCK', 'MESSAGE');
    expect(keyFingerprints(`${other}${RSA_KEY}`)).not.toEqual([RSA_FINGERPRINT]);
    expect(keyFingerprints(`${CURVE_KEY.replace('BLOCK-----', 'BLOCK----- ')}${RSA_KEY}`)).not.toEqual([
      RSA_FINGERPRINT,
    ]);
  });

  test('behind the end of the base64 is seen', () => {
    const [, , ...lines] = CURVE_KEY.split('\n');
    const inside = RSA_KEY.replace('=sqgY\n', `=sqgY\n${lines.slice(0, -3).join('\n')}\n`);
    expect(keyFingerprints(inside)).not.toEqual([RSA_FINGERPRINT]);
  });

  test('with its secret half is seen, which gpgv takes as well', () => {
    expect(beside(packet(5, BODY))).not.toEqual([BODY_FINGERPRINT]);
  });

  test('in something compressed or unknown is seen', () => {
    for (const tag of [8, 11, 18, 20, 60])
      expect([tag, beside(packet(tag, BODY))]).not.toEqual([tag, [BODY_FINGERPRINT]]);
  });
});
