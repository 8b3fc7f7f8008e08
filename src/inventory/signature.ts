import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '#contracts/reason.ts';
import { userError } from '../io/errors.ts';

/** A DSSE envelope. No signatures at all: nobody has signed it. */
export type Envelope = {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
};

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** What a signature is over, so that no payload can be taken for one of another type (PAE of DSSE v1). */
function signedBytes(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** How a kind of key signs; null of one that is not taken. ECDSA's signature is in ASN.1, as others have it. */
function hashFor({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): { readonly hash: string | null } | null {
  if (asymmetricKeyType === 'ed25519') return { hash: null };
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return { hash: 'sha256' };
  return null;
}

/** Names a key by its public half: sha256 hex over its DER. */
export function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

async function readKey(file: string, what: string, make: (pem: string) => KeyObject): Promise<KeyObject> {
  const unusable = (why: string) =>
    userError(
      'SIGNING_KEY',
      `${file} is no ${what} for signatures: ${why}.`,
      'a PEM of an ed25519 or ECDSA P-256 key, without a passphrase',
    );
  let key: KeyObject;
  try {
    key = make(await readFile(file, 'utf8'));
  } catch (error) {
    throw unusable(reasonOf(error));
  }
  if (hashFor(key) === null) throw unusable(`it is of type ${key.asymmetricKeyType ?? 'unknown'}`);
  return key;
}

/**
 * The private key that ECS_HOST_SIGNING_KEY names, or null when it names none.
 *
 * @throws EcsHostError (user) `SIGNING_KEY`
 */
export async function signingKey(): Promise<KeyObject | null> {
  const file = process.env['ECS_HOST_SIGNING_KEY'] ?? '';
  return file === '' ? null : readKey(file, 'private key', createPrivateKey);
}

/** @throws EcsHostError (user) `SIGNING_KEY` */
export function verifyingKey(file: string): Promise<KeyObject> {
  return readKey(file, 'public key', createPublicKey);
}

/** @param key null leaves it unsigned */
export function sealed(payloadText: string, key: KeyObject | null): Envelope {
  const payload = Buffer.from(payloadText);
  const signatures =
    key === null
      ? []
      : [
          {
            keyid: keyId(createPublicKey(key)),
            sig: sign(hashFor(key)?.hash ?? null, signedBytes(PAYLOAD_TYPE, payload), key).toString('base64'),
          },
        ];
  return { payloadType: PAYLOAD_TYPE, payload: payload.toString('base64'), signatures };
}

/** Whether one of the signatures is this key's. The key's id is a hint for people, and is not believed. */
export function isSignedBy({ payloadType, payload, signatures }: Envelope, key: KeyObject): boolean {
  const bytes = signedBytes(payloadType, Buffer.from(payload, 'base64'));
  return signatures.some(({ sig }) => verify(hashFor(key)?.hash ?? null, bytes, key, Buffer.from(sig, 'base64')));
}
