import { randomBytes, webcrypto } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { Integer, OctetString, Utf8String } from 'asn1js';
import { AttributeTypeAndValue, Certificate, Extension, GeneralName, GeneralNames } from 'pkijs';

/** A certificate that vouches for itself, and its key; PEM. */
export type SelfSigned = { readonly cert: string; readonly key: string };

const HOUR_MS = 3_600_000;
const COMMON_NAME = '2.5.4.3';
const SUBJECT_ALT_NAME = '2.5.29.17';

function pem(kind: string, der: ArrayBuffer): string {
  return `-----BEGIN ${kind}-----\n${(
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END ${kind}-----\n`;
}

function name(text: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: COMMON_NAME, value: new Utf8String({ value: text }) });
}

/** 4 or 16 bytes. */
function addressBytes(address: string): Uint8Array {
  if (!isIPv6(address)) return new Uint8Array(address.split('.').map(Number));
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return new Uint8Array(all.flatMap((group) => [group >> 8, group & 255]));
}

/**
 * Makes a key pair and a certificate for an IP address: the authority and the server are one, for runs that end before
 * lunch. Neither touches the disk. It is good for a day, and began a day ago: a host whose clock is behind accepts it.
 * openssl's `req` can set no beginning before version 3.4.
 */
export async function makeSelfSigned(
  address: string,
  validMs: { readonly from: number; readonly to: number } = { from: -24 * HOUR_MS, to: 24 * HOUR_MS },
): Promise<SelfSigned> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: new Uint8Array([1, ...randomBytes(15)]).buffer });
  for (const who of [certificate.subject, certificate.issuer]) who.typesAndValues.push(name('ecs-host webserver'));
  certificate.notBefore.value = new Date(Date.now() + validMs.from);
  certificate.notAfter.value = new Date(Date.now() + validMs.to);
  const alternative = new GeneralName({
    type: 7,
    value: new OctetString({ valueHex: new Uint8Array(addressBytes(address)).buffer }),
  });
  const extnValue = new GeneralNames({ names: [alternative] }).toSchema().toBER();
  certificate.extensions = [new Extension({ extnID: SUBJECT_ALT_NAME, critical: false, extnValue })];
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  await certificate.sign(privateKey, 'SHA-256');
  return {
    cert: pem('CERTIFICATE', certificate.toSchema(true).toBER()),
    key: pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', privateKey)),
  };
}
