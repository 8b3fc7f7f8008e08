import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asMessage, type MessageName } from '#contracts/validate.ts';
import schema from '#contracts/webserver.schema.json' with { type: 'json' };
import { makeCertificate } from '../../hostd/tls.ts';

const TOKEN = 'T'.repeat(43);
const { publicKey } = generateKeyPairSync('ed25519');
const control = { port: 4678, certificate: (await makeCertificate('test')).cert, token: TOKEN };
const HANDSHAKE = {
  version: 1,
  instanceId: 'i-00000000000000001',
  instanceType: 't3.large',
  region: 'us-west-2',
  imageId: 'ami-00000000000000001',
  environment: 'test',
  nonce: TOKEN,
  identityDocument: '{\r\n\t"region" : "us-west-2"\n}',
  identitySignature: 'c2lnbmVk\nc2lnbmVk',
  identityPkcs7: 'c2lnbmVk\nc2lnbmVk',
  hostKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  proof: `${'p'.repeat(86)}==`,
  control,
};

/** A good message of each kind that has text in it. */
const MESSAGES: Partial<Record<MessageName, object>> = {
  HandshakeRequest: HANDSHAKE,
  HandshakeDenied: { version: 1, denied: true, reason: 'Größe ✓ 不' },
  Revoked: { version: 1, revoked: true, reason: 'stolen' },
  Refusal: { version: 1, code: 'BUSY', reason: 'busy' },
  ControlRequest: { version: 1, reason: 'maintenance' },
  ControlAnswer: { version: 1, phase: 'serving' },
  ControlPort: control,
};

const CONTROLS = [
  '\0',
  '\x07',
  '\b',
  '\t',
  '\n',
  '\v',
  '\r',
  '\x1b',
  '\x1f',
  '\x7f',
  '\x80',
  '\x9b',
  '\x9f',
  '\u2028',
  '\u2029',
];
/** The document is JSON in lines, and these are PEM or base64 in lines. */
const IN_LINES: Readonly<Record<string, string>> = {
  identityDocument: '\t\n\r',
  identitySignature: '\n\r',
  identityPkcs7: '\n\r',
  certificate: '\n\r',
};

function accepts(name: MessageName, message: object): boolean {
  return 'message' in asMessage(name, message);
}

describe.each(Object.entries(MESSAGES) as [MessageName, Record<string, unknown>][])('%s', (name, message) => {
  test('is good as it is', () => {
    expect(asMessage(name, message)).toEqual({ message });
  });

  const texts = Object.entries(message).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  test.each(texts)('takes no control character in %s', (key, text) => {
    const taken = CONTROLS.filter((character) =>
      [`${text}${character}`, `${character}${text}`, text.slice(0, 2) + character + text.slice(2)].some((changed) =>
        accepts(name, { ...message, [key]: changed }),
      ),
    );
    expect(taken.join('')).toBe(IN_LINES[key] ?? '');
  });
});

test('a reason cannot speak to systemd, nor to a terminal', () => {
  for (const reason of ['no\rMAINPID=101', 'no\nWATCHDOG=trigger', '\x1b[2J', '\x9b2J'])
    expect(accepts('HandshakeDenied', { version: 1, denied: true, reason })).toBe(false);
});

test('each text of the protocol says which characters it takes', () => {
  const without: string[] = [];
  const look = (where: string, node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, pattern } = node as { type?: unknown; pattern?: unknown };
    if ([type].flat().includes('string') && pattern === undefined) without.push(where);
    for (const [key, child] of Object.entries(node)) look(`${where}/${key}`, child);
  };
  look('', schema.$defs);
  expect(without).toEqual([]);
});

test('identityPkcs7 may be null or left out', () => {
  const { identityPkcs7: _, ...without } = HANDSHAKE;
  expect(accepts('HandshakeRequest', without)).toBe(true);
  expect(accepts('HandshakeRequest', { ...HANDSHAKE, identityPkcs7: null })).toBe(true);
  expect(accepts('HandshakeRequest', { ...HANDSHAKE, identityPkcs7: '' })).toBe(false);
});
