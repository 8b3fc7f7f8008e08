import { createPublicKey, createVerify, verify, X509Certificate } from 'node:crypto';
import { proofText } from '#contracts/proof.ts';
import type { HandshakeRequest } from '#contracts/webserver.ts';
import { signedContent } from './pkcs7.ts';

/** Which hosts may shake hands. An empty list lets nobody in; null does not look. */
export type IdentityPolicy = {
  /** PEM of the certificate that signs identity documents in a region, or null when there is none. */
  readonly certificateOf: (region: string) => string | null;
  /** The same for the signature with a key of 2048 bits. Where it is known, the shorter one is not enough. */
  readonly certificate2048Of?: (region: string) => string | null;
  readonly accountIds: readonly string[] | null;
  readonly regions: readonly string[] | null;
  readonly imageIds: readonly string[] | null;
};

function isAmong(list: readonly string[] | null, value: unknown): boolean {
  return list === null || (typeof value === 'string' && list.includes(value));
}

function isSigned(document: string, signature: string, certificate: string): boolean {
  try {
    return createVerify('RSA-SHA256')
      .update(document)
      .verify(new X509Certificate(certificate).publicKey, signature.replaceAll(/\s/g, ''), 'base64');
  } catch {
    return false;
  }
}

/** Why nobody who may has signed the identity document; null when somebody has. */
async function signatureProblem(handshake: HandshakeRequest, policy: IdentityPolicy): Promise<string | null> {
  const { region, identityDocument, identitySignature, identityPkcs7 } = handshake;
  const long = policy.certificate2048Of?.(region) ?? null;
  if (long !== null) {
    if (identityPkcs7 == null) return 'it shows no signature of 2048 bits, which its region has';
    const content = await signedContent(identityPkcs7, long);
    return content?.equals(Buffer.from(identityDocument))
      ? null
      : 'the signature of 2048 bits is not one of this identity document';
  }
  const certificate = policy.certificateOf(region);
  if (certificate === null) return `no certificate is known for region ${region}`;
  return isSigned(identityDocument, identitySignature, certificate)
    ? null
    : 'the signature of the identity document does not verify';
}

/**
 * Why a host is not who it says, or not one of ours; null when it is. The signature comes first: nothing of an unsigned
 * document is believed. Source: AWS's "Verify the instance identity document", with the RSA-2048 signature, or the
 * base64-encoded one where there is no other.
 */
export async function identityProblem(handshake: HandshakeRequest, policy: IdentityPolicy): Promise<string | null> {
  const unsigned = await signatureProblem(handshake, policy);
  if (unsigned !== null) return unsigned;
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(handshake.identityDocument) as Record<string, unknown>;
  } catch {
    return 'the identity document is not JSON';
  }
  for (const key of ['instanceId', 'instanceType', 'region', 'imageId'] as const) {
    if (document[key] !== handshake[key]) return `${key} is not what the identity document says`;
  }
  if (!isAmong(policy.accountIds, document['accountId'])) return 'its account is not one of ours';
  if (!isAmong(policy.regions, document['region'])) return 'its region is not one of ours';
  if (!isAmong(policy.imageIds, document['imageId'])) return 'its image is not one of ours';
  return null;
}

/** Whether whoever shakes hands has the private half of `hostKey` and means this nonce, document and control port. */
export function isProven(handshake: HandshakeRequest): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(handshake.hostKey, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ed25519') return false;
    return verify(null, proofText(handshake), key, Buffer.from(handshake.proof, 'base64'));
  } catch {
    return false;
  }
}
