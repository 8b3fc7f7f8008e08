import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { execa } from 'execa';
import { proofText } from '#contracts/proof.ts';
import type { ControlPort, HandshakeRequest } from '#contracts/webserver.ts';

/** A key pair and certificate in place of AWS's, made once for a test file. */
export type IdentityAuthority = { readonly certificate: string; sign(document: string): string };

export async function makeIdentityAuthority(): Promise<IdentityAuthority> {
  const { stdout } = await execa(
    'openssl',
    // biome-ignore format: one option and its value a line reads worse.
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '1', '-subj', '/CN=identity of a test', '-keyout', '-'],
    { stdin: 'ignore' },
  );
  const key = createPrivateKey(stdout);
  return {
    certificate: stdout,
    sign: (document) => sign('RSA-SHA256', Buffer.from(document), key).toString('base64'),
  };
}

/** `i-` and 17 digits, from a number. */
export function instanceIdOf(number: number): string {
  return `i-${number.toString(16).padStart(17, '0')}`;
}

export const IMAGE_ID = 'ami-00000000000000001';
export const ACCOUNT_ID = '123456789012';

export function identityDocumentOf(instanceId: string, more: object = {}): string {
  return JSON.stringify({
    accountId: ACCOUNT_ID,
    instanceId,
    instanceType: 't3.large',
    region: 'us-west-2',
    imageId: IMAGE_ID,
    privateIp: '127.0.0.1',
    ...more,
  });
}

/** A host that shakes hands as the host service does, for tests of webservers. */
export function createTestHost(authority: IdentityAuthority, instanceId: string, more: object = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const identityDocument = identityDocumentOf(instanceId, more);
  return {
    instanceId,
    identityDocument,
    /** The handshake for a nonce; `changes` are made after the proof. */
    handshake: (nonce: string, changes: object = {}, control: ControlPort | null = null): HandshakeRequest => ({
      version: 1,
      instanceId,
      instanceType: 't3.large',
      region: 'us-west-2',
      imageId: IMAGE_ID,
      environment: 'test',
      nonce,
      identityDocument,
      identitySignature: authority.sign(identityDocument),
      hostKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      proof: sign(null, proofText({ nonce, instanceId, identityDocument, control }), privateKey).toString('base64'),
      control,
      ...changes,
    }),
  };
}
