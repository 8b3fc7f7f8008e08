import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { debianAdvisories } from '../../src/inventory/vulnerabilities/debian-tracker.ts';
import { knownVulnerabilities, type Sources } from '../../src/inventory/vulnerabilities/known.ts';
import { vulnerabilityLines } from '../../src/inventory/vulnerabilities/lines.ts';
import { vulnerabilitiesOf } from '../../src/inventory/vulnerabilities/match.ts';
import { ubuntuAdvisories } from '../../src/inventory/vulnerabilities/ubuntu-osv.ts';
import { compareVersions } from '../../src/plan/versions/debian-version.ts';
import { anInventory, aPackage } from '../fixtures/inventory.ts';
import { sharedTempFolder, tempFolder } from '../support/temp-folder.ts';

const DEBIAN = { id: 'debian', versionId: '12', codename: 'bookworm' };
const UBUNTU = { id: 'ubuntu', versionId: '20.04', codename: 'focal' };
const { signal } = new AbortController();

function resolved(fixed: string): object {
  return { status: 'resolved', fixed_version: fixed, urgency: 'high' };
}
/** In the form of the tracker's document; the vulnerabilities are made up. */
const TRACKER = {
  openssl: {
    'CVE-2099-1': { releases: { bookworm: resolved('3.0.15-1~deb12u1'), sid: resolved('3.3.2-1') } },
    'CVE-2099-2': { releases: { bookworm: resolved('3.0.16-1~deb12u1'), sid: { status: 'open' } } },
    'CVE-2099-3': { releases: { bookworm: resolved('0') } },
    'CVE-2099-4': { releases: { sid: { status: 'open', urgency: 'low' } } },
  },
  git: {
    'CVE-2099-5': { releases: { bookworm: { status: 'open', urgency: 'unimportant' } } },
    'CVE-2099-6': { releases: { bookworm: { status: 'undetermined', urgency: 'not yet assigned' } } },
    'TEMP-0000000-ABCDEF': { releases: { bookworm: { status: 'open', urgency: 'not yet assigned' } } },
  },
  linux: { 'CVE-2099-7': { releases: { bookworm: resolved('6.1.115-1') } } },
  absent: { 'CVE-2099-8': { releases: { bookworm: { status: 'open', urgency: 'high' } } } },
};

type Events = readonly Readonly<Record<string, string>>[];
function affected(ecosystem: string, name: string, events: Events): object {
  return { package: { ecosystem, name }, ranges: [{ type: 'ECOSYSTEM', events }] };
}
const OWN = 'Ubuntu:20.04:LTS';
const PRO = 'Ubuntu:Pro:20.04:LTS';

function entry(id: string, severity: string, all: readonly object[]): string {
  return JSON.stringify({
    id,
    severity: [
      { type: 'CVSS_V3', score: 'x' },
      { type: 'Ubuntu', score: severity },
    ],
    affected: all,
  });
}
const ENTRIES: Readonly<Record<string, string>> = {
  'UBUNTU-CVE-2099-1.json': entry('UBUNTU-CVE-2099-1', 'medium', [
    affected(OWN, 'openssl', [{ introduced: '0' }, { fixed: '1.1.1f-1ubuntu2.24' }]),
    affected('Ubuntu:22.04:LTS', 'openssl', [{ introduced: '0' }]),
  ]),
  'UBUNTU-CVE-2099-2.json': entry('UBUNTU-CVE-2099-2', 'high', [
    affected(OWN, 'openssl', [{ introduced: '0' }]),
    affected(PRO, 'openssl', [{ introduced: '0' }, { fixed: '1.1.1f-1ubuntu2.24+esm1' }]),
  ]),
  'UBUNTU-CVE-2099-3.json': entry('UBUNTU-CVE-2099-3', 'low', [
    affected(OWN, 'openssl', [{ introduced: '2.0' }, { fixed: '2.1' }]),
  ]),
  'UBUNTU-CVE-2099-4.json': entry('UBUNTU-CVE-2099-4', 'low', [affected(PRO, 'linux-aws', [{ introduced: '0' }])]),
};

type Answer = { readonly status: number; readonly body?: string | Buffer };
const cache = sharedTempFolder();
let answers: Record<string, Answer> = {};
let asked: string[] = [];
let sources: Sources;

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  asked.push(path);
  const { status, body = '' } = answers[path] ?? { status: 404 };
  response.writeHead(status).end(body);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  sources = { debian: `${base}/tracker`, ubuntu: `${base}/osv.tar.xz` };
});
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
beforeEach(() => {
  asked = [];
  answers = { '/tracker': { status: 200, body: JSON.stringify(TRACKER) } };
  vi.stubEnv('ECS_HOST_CACHE', tempFolder());
  return () => vi.unstubAllEnvs();
});

/** As Canonical publishes it: a folder for each kind and year, and notices beside the CVEs. */
async function archive(): Promise<Buffer> {
  const folder = join(cache, 'osv');
  await mkdir(join(folder, 'cve', '2099'), { recursive: true });
  await mkdir(join(folder, 'usn'), { recursive: true });
  for (const [name, text] of Object.entries(ENTRIES)) await writeFile(join(folder, 'cve', '2099', name), text);
  await writeFile(join(folder, 'usn', 'USN-1-1.json'), 'not even JSON');
  const { stdout } = await execa('tar', ['--create', '--xz', '--directory', cache, 'osv'], { encoding: 'buffer' });
  return Buffer.from(stdout);
}

describe('what Debian knows', () => {
  test('is matched by source package and version', async () => {
    const known = await knownVulnerabilities(DEBIAN, { sources, signal });
    const packages = [
      ...anInventory('ami-0aa').packages,
      aPackage('linux-image-6.1.0-27-amd64', '6.1.115-1', { source: 'linux-signed-amd64', sourceVersion: '6.1.115+1' }),
    ];
    const found = vulnerabilitiesOf(packages, known.advisories);
    expect(found.map(({ id, source, fixed, severity }) => [id, source, fixed, severity])).toEqual([
      ['CVE-2099-2', 'openssl', '3.0.16-1~deb12u1', 'high'],
      ['TEMP-0000000-ABCDEF', 'git', null, 'unknown'],
      ['CVE-2099-5', 'git', null, 'unimportant'],
    ]);
    expect(found[0]?.packages).toEqual(['libssl3']);
  });

  test('of a kernel is said of what it is built from', () => {
    const kernel = (sourceVersion: string) =>
      vulnerabilitiesOf(
        [aPackage('linux-image', '1', { source: 'linux-signed-amd64', sourceVersion })],
        debianAdvisories(JSON.stringify(TRACKER), 'bookworm'),
      ).map(({ id, installed }) => [id, installed]);
    expect(kernel('6.1.112+1')).toEqual([['CVE-2099-7', '6.1.112-1']]);
    expect(kernel('6.1.115+1')).toEqual([]);
    expect(kernel('6.1.115-1+2')).toEqual([]);
  });

  test('is kept for a while', async () => {
    await knownVulnerabilities(DEBIAN, { sources, signal });
    answers = {};
    const again = await knownVulnerabilities(DEBIAN, { sources, signal });
    expect(asked).toEqual(['/tracker']);
    expect(again).toMatchObject({ staleBecause: null, host: new URL(sources.debian).host });
  });

  test('is said to be old when it is, and nobody answers', async () => {
    const { fetchedAt } = await knownVulnerabilities(DEBIAN, { sources, signal });
    answers = { '/tracker': { status: 503 } };
    vi.setSystemTime(Date.parse(fetchedAt) + 7 * 3600_000);
    try {
      const old = await knownVulnerabilities(DEBIAN, { sources, signal });
      expect(old).toMatchObject({ fetchedAt, staleBecause: `${new URL(sources.debian).host} says HTTP 503` });
      expect(old.advisories.length).toBeGreaterThan(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('what nobody knows is never none', () => {
  test.each<[string, Answer | null, string]>([
    ['says no', { status: 404 }, 'says HTTP 404'],
    ['gives something else', { status: 200, body: '<html>' }, 'cannot be read'],
    ['gives a list', { status: 200, body: '[]' }, 'cannot be read (it holds no object)'],
    ['knows nothing of the release', { status: 200, body: '{}' }, 'says nothing of bookworm'],
  ])('when the tracker %s', async (_, answer, reason) => {
    answers = answer === null ? {} : { '/tracker': answer };
    await expect(knownVulnerabilities(DEBIAN, { sources, signal })).rejects.toMatchObject({
      ...{ kind: 'outside', code: 'VULNERABILITIES_UNKNOWN' },
      message: expect.stringContaining(reason) as string,
    });
  });

  test('when nobody answers, who that was', async () => {
    const nobody = { ...sources, debian: 'http://127.0.0.1:1/tracker' };
    await expect(knownVulnerabilities(DEBIAN, { sources: nobody, signal })).rejects.toThrow(
      /not known: 127\.0\.0\.1:1 does not answer \(.*\)/,
    );
  });

  test('when the archive holds nothing', async () => {
    answers = { '/osv.tar.xz': { status: 200, body: 'no archive' } };
    await expect(knownVulnerabilities(UBUNTU, { sources, signal })).rejects.toMatchObject({
      code: 'VULNERABILITIES_UNKNOWN',
    });
  });

  test('when it is another system', async () => {
    const os = { id: 'alpine', versionId: '3', codename: '' };
    await expect(knownVulnerabilities(os, { sources, signal })).rejects.toThrow('nobody is asked for alpine');
  });
});

describe('what Ubuntu knows', () => {
  test('comes out of its archive, for the release alone, with what only Ubuntu Pro fixes', async () => {
    answers = { '/osv.tar.xz': { status: 200, body: await archive() } };
    const known = await knownVulnerabilities(UBUNTU, { sources, signal });
    const packages = [
      aPackage('openssl', '1.1.1f-1ubuntu2.23'),
      aPackage('linux-image-aws', '5.4.0-1103', { source: 'linux-signed-aws', sourceVersion: '5.4.0-1103.111' }),
    ];
    const found = vulnerabilitiesOf(packages, known.advisories);
    expect(found.map(({ id, source, fixed, needs }) => [id, source, fixed, needs])).toEqual([
      ['CVE-2099-2', 'openssl', '1.1.1f-1ubuntu2.24+esm1', 'Ubuntu Pro'],
      ['CVE-2099-1', 'openssl', '1.1.1f-1ubuntu2.24', null],
      ['CVE-2099-4', 'linux-aws', null, 'Ubuntu Pro'],
    ]);
  });

  test('names a fix that everybody gets rather than that of Ubuntu Pro', () => {
    const text = entry('UBUNTU-CVE-2099-9', 'high', [
      affected(OWN, 'git', [{ introduced: '0' }, { fixed: '2' }]),
      affected(PRO, 'git', [{ introduced: '0' }, { fixed: '2+esm1' }]),
    ]);
    expect(ubuntuAdvisories(text, '20.04').map(({ fixed, needs }) => [fixed, needs])).toEqual([['2', null]]);
  });

  test('of a version that has it again later, both times', () => {
    const events = [{ introduced: '1' }, { fixed: '2' }, { introduced: '3' }];
    const advisories = ubuntuAdvisories(entry('UBUNTU-CVE-2099-9', 'high', [affected(OWN, 'git', events)]), '20.04');
    const hits = ['0.9', '1.5', '2.5', '3.5'].filter(
      (version) => vulnerabilitiesOf([aPackage('git', version)], advisories).length > 0,
    );
    expect(hits).toEqual(['1.5', '3.5']);
  });
});

test('people see the worst first, how many have a fix, and who said so', () => {
  const found = vulnerabilitiesOf(
    anInventory('ami-0aa').packages,
    debianAdvisories(JSON.stringify(TRACKER), 'bookworm'),
  );
  const said = { host: 'tracker.example', fetchedAt: '2026-11-27T03:00:00.000Z' };
  const at = '; tracker.example on 2026-11-27 03:00 UTC';
  expect(vulnerabilityLines(found, said, { width: 120, isWhole: false })).toEqual([
    'severity  id                   source   installed           fixed in',
    'high      CVE-2099-2           openssl  3.0.15-1~deb12u1    3.0.16-1~deb12u1',
    'unknown   TEMP-0000000-ABCDEF  git      1:2.39.5-0+deb12u2  none yet',
    `2 known in 2 source packages, 1 with a fix, and 1 that the distribution takes for unimportant (--all)${at}`,
  ]);
  expect(vulnerabilityLines([], said, { width: 120, isWhole: true })).toEqual([`none known${at}`]);
});

/** Ordered by hand and by dpkg; between two of them stands every rule of Debian's order. */
const TRICKY = [
  '1.0~~',
  '1.0~~a',
  '1.0~',
  '1.0~rc1-1',
  '1.0',
  '1.0-0+deb12u1',
  '1.0-1~bpo12+1',
  '1.0-1~deb12u1',
  '1.0-1',
  '1.0-1ubuntu0.20.04.1',
  '1.0-1ubuntu0.20.04.1+esm1',
  '1.0-1+b1',
  '1.0a-1',
  '1.0+dfsg-1',
  '1.0.1-1',
  '1.2-9',
  '1.10-1',
  '3.0.15-1~deb12u1',
  '3.0.15-1',
  '20240101120000000000001-1',
  '20240101120000000000002-1',
  '1:0.1-1',
  '2:0',
];

test('versions stand in the order of dpkg', () => {
  expect(TRICKY.toReversed().toSorted(compareVersions)).toEqual(TRICKY);
  for (const [at, version] of TRICKY.slice(1).entries()) {
    const before = TRICKY[at] ?? '';
    expect(execaSync('dpkg', ['--compare-versions', before, 'lt', version], { reject: false }).exitCode, version).toBe(
      0,
    );
    expect(compareVersions(before, version), `${before} < ${version}`).toBeLessThan(0);
    expect(compareVersions(version, version)).toBe(0);
  }
  expect(compareVersions('1.0', '1.0-0')).toBe(0);
  expect(compareVersions('0:1.0', '1.0')).toBe(0);
  expect(compareVersions('1.007', '1.7')).toBe(0);
});
