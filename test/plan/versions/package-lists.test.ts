import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TargetConfig } from '../../../contracts/target-config.ts';
import { askPackageLists, packagesDigest } from '../../../src/plan/versions/package-lists.ts';
import { type VersionSources, versionSources } from '../../../src/plan/versions/sources.ts';
import { target as TARGET } from '../../fixtures/target-config.ts';

const SHA = { main: 'a'.repeat(64), contrib: 'b'.repeat(64), other: 'c'.repeat(64) };

type Lists = {
  readonly date: string;
  readonly main: string;
  readonly gz: string;
  readonly arm: string;
  readonly udeb: string;
};

/** As an archive signs it: the same files in two hashes, compressed and not, of several machines. */
function inRelease(change: Partial<Lists> = {}): string {
  const { date, main, gz, arm, udeb } = {
    ...{ date: 'Thu, 26 Nov 2026 20:00:00 UTC', main: SHA.main, gz: SHA.other, arm: SHA.other, udeb: SHA.other },
    ...change,
  };
  return `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Suite: oldstable-security
Codename: bookworm-security
Date: ${date}
Valid-Until: ${date}
Acquire-By-Hash: yes
MD5Sum:
 00000000000000000000000000000000  1  main/binary-amd64/Packages
SHA256:
 ${SHA.contrib}     1 contrib/binary-amd64/Packages
 ${main}  2345 main/binary-amd64/Packages
 ${gz}   123 main/binary-amd64/Packages.xz
 ${arm}  2345 main/binary-arm64/Packages
 ${udeb}     1 main/debian-installer/binary-amd64/Packages
 ${SHA.other}    12 main/source/Sources.xz
-----BEGIN PGP SIGNATURE-----
${date}
-----END PGP SIGNATURE-----
`;
}

test.each<[string, Partial<Lists>]>([
  ['signed anew', { date: 'Fri, 27 Nov 2026 02:00:00 UTC' }],
  ['compressed otherwise', { gz: SHA.contrib }],
  ['with a package for another machine', { arm: SHA.contrib }],
  ['with a package for the installer', { udeb: SHA.contrib }],
])('a release that is only %s has the same packages', (_what, change) => {
  expect(packagesDigest(inRelease(change))).toBe(packagesDigest(inRelease()));
});

test('a release with another package has others', () => {
  expect(packagesDigest(inRelease())).toMatch(/^[0-9a-f]{64}$/);
  expect(packagesDigest(inRelease({ main: SHA.other }))).not.toBe(packagesDigest(inRelease()));
});

test('the order of its lines is nothing', () => {
  const lines = inRelease().split('\n');
  const at = lines.findIndex((line) => line.endsWith('contrib/binary-amd64/Packages'));
  [lines[at], lines[at + 1]] = [lines[at + 1] ?? '', lines[at] ?? ''];
  expect(packagesDigest(lines.join('\n'))).toBe(packagesDigest(inRelease()));
});

test.each(['', 'not found', 'SHA256:\n', inRelease().replace('SHA256:', 'SHA512:')])('%j lists none', (text) => {
  expect(packagesDigest(text)).toBeNull();
});

let answers: Record<string, { readonly status: number; readonly body?: string }>;
let asked: string[];
let base: string;
const server = createServer((request, response) => {
  const path = request.url ?? '/';
  asked.push(path);
  const { status, body = '' } = answers[path] ?? { status: 404 };
  response.writeHead(status).end(body);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

const DEBIAN = '/security/dists/bookworm-security/InRelease';
beforeEach(() => {
  asked = [];
  answers = {
    [DEBIAN]: { status: 200, body: inRelease() },
    '/ubuntu/dists/noble-security/InRelease': { status: 200, body: inRelease({ main: SHA.other }) },
  };
});

function sources(): VersionSources {
  return { ...versionSources(null, false), debianSecurity: `${base}/security`, ubuntu: `${base}/ubuntu` };
}

const noble: TargetConfig = { ...TARGET, os: { distribution: 'ubuntu', codename: 'noble' } };

test("the suite of the distribution's security updates is asked, wherever it is", async () => {
  const [debian, ubuntu] = await Promise.all([TARGET, noble].map((target) => askPackageLists(target, sources())));
  expect(debian).toEqual({ lists: { 'bookworm-security': packagesDigest(inRelease()) }, reasons: [] });
  expect(ubuntu).toEqual({
    lists: { 'noble-security': packagesDigest(inRelease({ main: SHA.other })) },
    reasons: [],
  });
});

test('a profile without security updates asks nobody', async () => {
  expect(await askPackageLists({ ...TARGET, securityUpdates: false }, sources())).toEqual({ lists: {}, reasons: [] });
  expect(asked).toEqual([]);
});

test.each([
  ['that is not there', { status: 404 }, /HTTP 404/],
  ['that fails', { status: 503 }, /does not answer \(HTTP 503\)/],
  ['of nothing', { status: 200, body: 'welcome' }, /lists no packages/],
] as const)('a release %s leaves the state unknown, and says why', async (_what, answer, reason) => {
  answers[DEBIAN] = answer;
  const { lists, reasons } = await askPackageLists(TARGET, sources());
  expect(lists).toEqual({ 'bookworm-security': 'unknown' });
  expect(reasons).toEqual([expect.stringMatching(reason)]);
  expect(reasons[0]).toContain(DEBIAN);
});

test('nobody there leaves it unknown, too', async () => {
  const { lists } = await askPackageLists(TARGET, { ...sources(), debianSecurity: 'http://127.0.0.1:1' });
  expect(lists).toEqual({ 'bookworm-security': 'unknown' });
});
