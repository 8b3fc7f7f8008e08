import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { identityProblem } from '../../webserver/identity.ts';
import { signedContent } from '../../webserver/pkcs7.ts';
import { createTestHost, type IdentityAuthority, instanceIdOf, makeIdentityAuthority } from '../fixtures/host.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

/** Messages as EC2 makes them, made with openssl. */
const folder = sharedTempFolder();
let ours: string;
let other: string;
let authority: IdentityAuthority;

async function makeCertificate(name: string): Promise<string> {
  const { stdout } = await execa('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=the same name'],
    ...['-set_serial', '7', '-keyout', join(folder, `${name}.key`)],
  ]);
  await writeFile(join(folder, `${name}.pem`), stdout);
  return stdout;
}

async function sign(text: string, name: string, ...more: string[]): Promise<string> {
  const { stdout } = await execa(
    'openssl',
    [
      ...['cms', '-sign', '-binary', '-nodetach', '-outform', 'DER', '-md', 'sha256', ...more],
      ...['-signer', join(folder, `${name}.pem`), '-inkey', join(folder, `${name}.key`)],
    ],
    // One signature in 256 ends in what execa takes for a line end.
    { input: text, encoding: 'buffer', stripFinalNewline: false },
  );
  return Buffer.from(stdout).toString('base64').replaceAll(/.{64}/g, '$&\n');
}

beforeAll(async () => {
  [ours, other] = [await makeCertificate('ours'), await makeCertificate('other')];
  authority = await makeIdentityAuthority();
});

describe('a PKCS #7 message', () => {
  test.each([[], ['-nocerts'], ['-noattr'], ['-nocerts', '-stream']])(
    'gives its content when the pinned key signed it (%s)',
    async (...more) => {
      expect((await signedContent(await sign('{"a":1}\n', 'ours', ...more), ours))?.toString()).toBe('{"a":1}\n');
    },
  );

  test('gives nothing when another key did, whatever certificate of the same name it brings along', async () => {
    expect(await signedContent(await sign('{"a":1}', 'other'), ours)).toBeNull();
    expect(await signedContent(await sign('{"a":1}', 'ours'), other)).toBeNull();
  });

  test('gives nothing when its content was exchanged, its hash is an old one, or it is none', async () => {
    const good = Buffer.from(await sign('{"a":1}', 'ours'), 'base64');
    const changed = Buffer.from(good);
    changed.write('{"a":2}', good.indexOf('{"a":1}'));
    expect(await signedContent(changed.toString('base64'), ours)).toBeNull();
    expect(await signedContent(await sign('{"a":1}', 'ours', '-md', 'sha1'), ours)).toBeNull();
    for (const text of ['', 'AAAA', 'MIIB', good.subarray(0, 100).toString('base64')])
      expect(await signedContent(text, ours)).toBeNull();
  });
});

describe('where the certificate of 2048 bits is known', () => {
  const policy = () => ({
    certificateOf: () => authority.certificate,
    certificate2048Of: () => ours,
    accountIds: null,
    regions: null,
    imageIds: null,
  });
  const host = () => createTestHost(authority, instanceIdOf(1));

  test('its signature is what counts', async () => {
    const { identityDocument, handshake } = host();
    const identityPkcs7 = await sign(identityDocument, 'ours');
    expect(await identityProblem(handshake('n', { identityPkcs7 }), policy())).toBeNull();
    expect(await identityProblem(handshake('n', { identityPkcs7, identitySignature: 'none' }), policy())).toBeNull();
  });

  test('the shorter one alone is not enough', async () => {
    for (const more of [{}, { identityPkcs7: null }])
      expect(await identityProblem(host().handshake('n', more), policy())).toContain('no signature of 2048 bits');
  });

  test('the signature of another document is none', async () => {
    const identityPkcs7 = await sign(createTestHost(authority, instanceIdOf(2)).identityDocument, 'ours');
    expect(await identityProblem(host().handshake('n', { identityPkcs7 }), policy())).toContain('is not one of this');
  });
});
