import { createPublicKey, randomBytes, webcrypto } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
} from 'pkijs';
import { withLock } from '../lock.ts';
import { writeFileWhole } from '../write-file.ts';

const DAY_MS = 86_400_000;
/** Machines whose clock is behind accept what was made just now. */
const EARLIER_MS = DAY_MS;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 90;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const COMMON_NAME = '2.5.4.3';
const AUTHORITY_NAME = 'ecs-host lab authority';
const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;
/** Bits of KeyUsage from the left (RFC 5280, 4.2.1.3), and how many bits of the last byte are none. */
const SIGNS_CERTIFICATES = { bits: 0b0000_0110, unused: 1 } as const;
const SIGNS_HANDSHAKES = { bits: 0b1000_0000, unused: 7 } as const;

export type Leaf = { readonly certificatePem: string; readonly keyPem: string };

/** The lab's own certificate authority. Nobody trusts it but stand-in base images. */
export type Authority = {
  readonly certificatePem: string;
  /** Its PEM on disk, for whoever puts it into an image. */
  readonly certificateFile: string;
  /** A certificate for a host's name; made once for as long as it is good. */
  leaf(host: string): Promise<Leaf>;
  context(host: string): Promise<SecureContext>;
};

function pem(kind: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${kind}-----\n${lines.join('\n')}\n-----END ${kind}-----\n`;
}

function derOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
}

function bytesOf(value: Uint8Array): ArrayBuffer {
  return new Uint8Array(value).buffer;
}

function extension(extnID: string, extnValue: ArrayBuffer, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue });
}

function keyUsage({ bits, unused }: { readonly bits: number; readonly unused: number }): Extension {
  const value = new BitString({ unusedBits: unused, valueHex: bytesOf(Uint8Array.of(bits)) });
  return extension(OID.keyUsage, value.toBER(), true);
}

/** SHA-1 over the key's bits, as RFC 5280 has it; nothing is proved by it. */
async function keyIdentifier(certificate: Certificate): Promise<OctetString> {
  const bits = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return new OctetString({ valueHex: await webcrypto.subtle.digest('SHA-1', new Uint8Array(bits)) });
}

function named(text: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: COMMON_NAME, value: new Utf8String({ value: text }) });
}

/** All but the extensions and the signature. */
async function unsigned(subject: string, publicKey: webcrypto.CryptoKey, days: number): Promise<Certificate> {
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: bytesOf(Uint8Array.of(1, ...randomBytes(15))) });
  certificate.subject.typesAndValues.push(named(subject));
  certificate.issuer.typesAndValues.push(named(AUTHORITY_NAME));
  certificate.notBefore.value = new Date(Date.now() - EARLIER_MS);
  certificate.notAfter.value = new Date(Date.now() + days * DAY_MS);
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  return certificate;
}

async function makeAuthority(): Promise<Leaf> {
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await unsigned(AUTHORITY_NAME, publicKey, AUTHORITY_DAYS);
  certificate.extensions = [
    extension(OID.basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema().toBER(), true),
    keyUsage(SIGNS_CERTIFICATES),
    extension(OID.subjectKeyIdentifier, (await keyIdentifier(certificate)).toBER()),
  ];
  await certificate.sign(privateKey, 'SHA-256');
  return {
    certificatePem: pem('CERTIFICATE', certificate.toSchema(true).toBER()),
    keyPem: pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', privateKey)),
  };
}

async function makeLeaf(host: string, authority: Leaf): Promise<Leaf> {
  const issuer = Certificate.fromBER(derOf(authority.certificatePem));
  const signer = await webcrypto.subtle.importKey('pkcs8', derOf(authority.keyPem), ALGORITHM, false, ['sign']);
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await unsigned(host, publicKey, LEAF_DAYS);
  const name = new GeneralName({ type: 2, value: host });
  const keyIdentifierOfIssuer = new OctetString({ valueHex: (await keyIdentifier(issuer)).valueBlock.valueHex });
  certificate.extensions = [
    extension(OID.basicConstraints, new BasicConstraints({ cA: false }).toSchema().toBER(), true),
    keyUsage(SIGNS_HANDSHAKES),
    extension(OID.extKeyUsage, new ExtKeyUsage({ keyPurposes: [OID.serverAuth] }).toSchema().toBER()),
    extension(OID.subjectAltName, new GeneralNames({ names: [name] }).toSchema().toBER()),
    extension(OID.subjectKeyIdentifier, (await keyIdentifier(certificate)).toBER()),
    extension(
      OID.authorityKeyIdentifier,
      new AuthorityKeyIdentifier({ keyIdentifier: keyIdentifierOfIssuer }).toSchema().toBER(),
    ),
  ];
  await certificate.sign(signer, 'SHA-256');
  return {
    certificatePem: pem('CERTIFICATE', certificate.toSchema(true).toBER()),
    keyPem: pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', privateKey)),
  };
}

async function readKept(folder: string): Promise<Leaf | null> {
  try {
    const kept = {
      certificatePem: await readFile(join(folder, 'authority.crt'), 'utf8'),
      keyPem: await readFile(join(folder, 'authority-key.pem'), 'utf8'),
    };
    createPublicKey(kept.certificatePem);
    return kept;
  } catch {
    return null;
  }
}

/**
 * The authority of the cache, made by whoever asks first. Images that trust it outlive a lab, so it stays: another
 * cache has another one.
 */
export async function ensureAuthority(cache: string): Promise<Authority> {
  const folder = join(cache, 'official', 'authority');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept =
    (await readKept(folder)) ??
    (await withLock(join(folder, 'lock'), async () => {
      const meanwhile = await readKept(folder);
      if (meanwhile !== null) return meanwhile;
      const made = await makeAuthority();
      await writeFileWhole(join(folder, 'authority-key.pem'), made.keyPem, 0o600);
      await writeFileWhole(join(folder, 'authority.crt'), made.certificatePem);
      return made;
    }));
  const leaves = new Map<string, { readonly until: number; readonly leaf: Promise<Leaf> }>();
  const leaf = (host: string): Promise<Leaf> => {
    const known = leaves.get(host);
    if (known !== undefined && known.until > Date.now()) return known.leaf;
    const made = makeLeaf(host, kept);
    leaves.set(host, { until: Date.now() + (LEAF_DAYS / 2) * DAY_MS, leaf: made });
    return made;
  };
  return {
    certificatePem: kept.certificatePem,
    certificateFile: join(folder, 'authority.crt'),
    leaf,
    context: async (host) => {
      const { certificatePem, keyPem } = await leaf(host);
      return createSecureContext({ cert: certificatePem, key: keyPem });
    },
  };
}
