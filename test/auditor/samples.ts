/** Secrets that are none, put together here, so that no scanner finds them in this repository. */
export type Sample = {
  readonly text: string;
  readonly rule: string;
  /** Too many other texts look like it. */
  readonly inFilesOnly?: true;
};

const PACKAGE = '@secretlint/secretlint-rule-';

/** As long as asked, of letters of both cases and digits, and nobody's. */
function made(length: number): string {
  const letters = 'k7Qz0RtW2mXb9LpVh4NsJ6cYf1GdTe8Ka3MuZi5OxCqBwEyDrPnSvHjFgUlAoI';
  return Array.from({ length }, (_, at) => letters[(at * 7 + Math.floor(at / 9)) % letters.length]).join('');
}

function pem(kind: string, first: string): string {
  const lines = Array.from(
    { length: 12 },
    (_, at) => (at === 0 ? first : '') + made(64 - (at === 0 ? first.length : 0)),
  );
  return [`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`].join('\n');
}

export const SAMPLES: Readonly<Record<string, Sample>> = {
  'a private key': { text: pem('RSA PRIVATE KEY', 'MII'), rule: `${PACKAGE}privatekey` },
  'a private key of OpenSSH': {
    text: pem('OPENSSH PRIVATE KEY', 'b3BlbnNzaC1rZXktdjE'),
    rule: `${PACKAGE}privatekey`,
  },
  'a private key without its end': {
    text: pem('EC PRIVATE KEY', 'MII').slice(0, 300),
    rule: 'audit/private-key',
  },
  'an encrypted private key': { text: pem('ENCRYPTED PRIVATE KEY', 'MII'), rule: 'audit/private-key' },
  'a key of PuTTY': {
    text: `PuTTY-User-Key-File-${'3'}: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\n${made(64)}\nPrivate-Lines: 1\n`,
    rule: 'audit/putty-key',
  },
  'a secret access key of AWS': {
    text: `aws_secret_access_key = ${made(40)}`,
    rule: `${PACKAGE}aws`,
  },
  'a pair of AWS without names': {
    text: `${'AK'}IAQ7RTW2MXB9LPVHN4\n${made(40)}`,
    rule: 'audit/aws-key-pair',
  },
  'a token of GitHub': { text: `${'gh'}p_${made(36)}`, rule: `${PACKAGE}github` },
  'a token of GitLab': { text: `${'gl'}pat-${made(20)}`, rule: `${PACKAGE}gitlab` },
  "a token of GitLab's runner": { text: `${'gl'}rt-${made(20)}`, rule: 'audit/gitlab-token' },
  'a token of Slack': { text: `${'xo'}xb-${'1'.repeat(12)}-${made(24)}`, rule: `${PACKAGE}slack` },
  'a token of npm': { text: `${'np'}m_${made(36)}`, rule: `${PACKAGE}npm` },
  'the registry of an .npmrc': {
    text: `//registry.example.org/:_auth${'Token'}=${made(30)}`,
    rule: 'audit/npm-auth',
  },
  "Docker's configuration": {
    text: `{ "auths": { "index.example.org": { "auth": "${made(24)}" } } }`,
    rule: 'audit/docker-auth',
  },
  'a service account of GCP': {
    text: `"private_key_id": "${'0123456789abcdef'.repeat(3).slice(0, 40)}"`,
    rule: 'audit/gcp-service-account',
  },
  'a password in an address': {
    text: `https://deploy:${made(16)}@git.example.org/repository`,
    rule: `${PACKAGE}basicauth`,
  },
  'a password of a database': {
    text: `postgres://app:${made(12)}@db.internal:5432/app`,
    rule: `${PACKAGE}database-connection-string`,
  },
  'a line of a netrc': { text: `machine git.example.org login deploy password ${made(14)}`, rule: 'audit/netrc' },
  'the hash of a password': {
    text: `admin:$${'y'}$j9T$${made(22)}$${made(43)}:19000:0:99999:7:::`,
    rule: 'audit/password-hash',
  },
  'a password by name': { text: `DB_PASSWORD="${made(14)}"`, rule: 'audit/assignment', inFilesOnly: true },
  'a secret in YAML': { text: `  clientSecret: ${made(24)}`, rule: 'audit/assignment', inFilesOnly: true },
};
