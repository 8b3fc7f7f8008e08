import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { execaSync } from 'execa';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { TargetConfig } from '../../../contracts/target-config.ts';
import { compareVersions } from '../../../src/plan/versions/debian-version.ts';
import { newestInIndex } from '../../../src/plan/versions/package-index.ts';
import { pinned, resolveVersions } from '../../../src/plan/versions/resolve-versions.ts';
import { distributionIndexes, type VersionSources, versionSources } from '../../../src/plan/versions/sources.ts';
import { target as TARGET } from '../../fixtures/target-config.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';

const MAIN = `Package: docker.io
Version: 20.10.24+dfsg1-1+b3

Package: awscli
Version: 2.9.19-1
Description: X
 Package: docker.io
 Version: 99

Package: docker.io-doc
Version: 77
`;
const DOCKER = `Package: docker-ce
Version: 5:28.1.1-1~ubuntu.20.04~focal

Package: docker-ce
Version: 5:28.0.4-1~ubuntu.20.04~focal
`;

type Answer = { readonly status: number; readonly body?: string | Buffer };
const cache = sharedTempFolder();
let answers: Record<string, Answer>;
let asked: string[];
let base: string;
let sources: VersionSources;

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  const { status, body = '' } = answers[path] ?? { status: 404 };
  asked.push(`${request.method} ${path}`);
  response.writeHead(status).end(body);
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  sources = {
    docker: `${base}/docker`,
    debian: `${base}/debian`,
    debianSecurity: `${base}/security`,
    ubuntu: `${base}/ubuntu`,
    agentReleases: `${base}/agent.atom`,
    awsCliReleases: `${base}/cli.atom`,
    awsCli: `${base}/cli`,
    reach: (url) => url,
  };
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});

function xz(text: string): Buffer {
  return Buffer.from(execaSync('xz', ['--stdout'], { input: text, encoding: 'buffer' }).stdout);
}

function feed(...tags: string[]): string {
  return tags.map((tag) => `<link href="https://github.com/aws/x/releases/tag/${tag}"/>`).join('\n');
}

/** A release that lists one index, and the index where apt looks for it. */
function release(folder: string, path: string, index: Buffer, byHash: boolean): Record<string, Answer> {
  const sha256 = createHash('sha256').update(index).digest('hex');
  const lists = `MD5Sum:\n 00 1 ${path}\nSHA256:\n ${sha256} 1 ${path}\n`;
  const text = `Origin: x\n${byHash ? 'Acquire-By-Hash: yes\n' : ''}${lists}`;
  const at = byHash ? `${dirname(path)}/by-hash/SHA256/${sha256}` : path;
  return { [`${folder}/InRelease`]: { status: 200, body: text }, [`${folder}/${at}`]: { status: 200, body: index } };
}

beforeEach(() => {
  vi.stubEnv('ECS_HOST_CACHE', join(cache, randomUUID()));
  asked = [];
  answers = {
    ...release('/debian/dists/bookworm', 'main/binary-amd64/Packages.xz', xz(MAIN), true),
    ...release('/debian/dists/bookworm-updates', 'main/binary-amd64/Packages.xz', xz(''), true),
    ...release(
      '/security/dists/bookworm-security',
      'main/binary-amd64/Packages.xz',
      xz('Package: docker.io\nVersion: 20.10.24+dfsg1-1+deb12u1\n'),
      true,
    ),
    ...release('/docker/ubuntu/dists/focal', 'stable/binary-amd64/Packages', Buffer.from(DOCKER), false),
    '/agent.atom': { status: 200, body: feed('v1.109.0', 'v1.108.0', 'v1.107.0') },
    // S3 says 403 of what is not there to whoever may not list.
    '/bucket/amazon-ecs-init-1.109.0-1.amd64.deb': { status: 403 },
    '/bucket/amazon-ecs-init-1.108.0-1.amd64.deb': { status: 200 },
    '/cli.atom': { status: 200, body: feed('1.42.1', '2.31.0', '2.30.9') },
    '/cli/awscli-exe-linux-x86_64-2.31.0.zip': { status: 200 },
  };
});

const open: TargetConfig = {
  ...TARGET,
  os: { distribution: 'debian', codename: 'bookworm' },
  docker: { source: 'distribution', version: null, insecureRegistries: [] },
  userTools: { awsCli: { source: 'distribution', version: null } },
};

function onAws(): TargetConfig {
  return {
    ...open,
    os: { distribution: 'ubuntu', codename: 'focal' },
    docker: { ...open.docker, source: 'docker-ce' },
    ecsAgent: { source: 'aws', package: `${base}/bucket/amazon-ecs-init-latest.amd64.deb`, sha256: null },
    userTools: { awsCli: { source: 'aws', version: null } },
  };
}

test("the distribution's own: the newest of all its suites", async () => {
  const versions = await resolveVersions(open, sources);
  expect(versions).toMatchObject({ docker: '20.10.24+dfsg1-1+deb12u1', awsCli: '2.9.19-1' });
  expect(versions.ecsAgentPackage).toBe(open.ecsAgent.package);
});

test('an index that is still the same is not read again', async () => {
  await resolveVersions(open, sources);
  asked = [];
  expect(await resolveVersions(open, sources)).toMatchObject({ docker: '20.10.24+dfsg1-1+deb12u1' });
  expect(asked).toHaveLength(3);
  expect(asked.every((each) => each.endsWith('/InRelease'))).toBe(true);
});

test("the vendors' own: the newest whose file is there", async () => {
  expect(await resolveVersions(onAws(), sources)).toEqual({
    docker: '5:28.1.1-1~ubuntu.20.04~focal',
    ecsAgentPackage: `${base}/bucket/amazon-ecs-init-1.108.0-1.amd64.deb`,
    awsCli: '2.31.0',
  });
});

test('what hosts.yaml names wins, and nobody is asked', async () => {
  const given = { docker: '1', ecsAgentPackage: `${base}/bucket/amazon-ecs-init-1.2.3-1.amd64.deb`, awsCli: '2.0.0' };
  const target = pinned(onAws(), given);
  expect(await resolveVersions(target, sources)).toEqual(given);
  expect(asked).toEqual([]);
});

const FOCAL = '/docker/ubuntu/dists/focal';

test.each([
  ['a release that fails', `${FOCAL}/InRelease`, { status: 503 }, /docker-ce.*503/],
  ['a release without the index', `${FOCAL}/InRelease`, { status: 200 }, /does not list/],
  ['an index that is another', `${FOCAL}/stable/binary-amd64/Packages`, { status: 200 }, /is not what .* lists/],
  ['a feed of nothing', '/agent.atom', { status: 200 }, /ECS agent.*has a file/],
  ['no feed', '/cli.atom', { status: 404 }, /AWS CLI.*404/],
] as const)('%s is an error of outside, with the way out', async (_what, path, answer, reason) => {
  answers[path] = answer;
  await expect(resolveVersions(onAws(), sources)).rejects.toMatchObject({
    kind: 'outside',
    code: 'VERSION_UNKNOWN',
    message: expect.stringMatching(reason),
    hint: expect.stringContaining('hosts.yaml'),
  });
});

test('nobody there is an error of outside, too', async () => {
  const away = { ...sources, awsCliReleases: 'http://127.0.0.1:1/cli.atom' };
  await expect(resolveVersions(onAws(), away)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN', kind: 'outside' });
});

test('of two lines about a package the newer counts, and no other package', () => {
  expect(newestInIndex(MAIN, 'docker.io')).toBe('20.10.24+dfsg1-1+b3');
  expect(newestInIndex(DOCKER, 'docker-ce')).toBe('5:28.1.1-1~ubuntu.20.04~focal');
  expect(newestInIndex(MAIN, 'docker')).toBeNull();
});

test.each([
  ['1.0~rc1', '1.0'],
  ['1.9', '1.10'],
  ['2:0.1', '10:0'],
  ['9', '1:0'],
  ['1.0-1', '1.0-1+b1'],
  ['1.0-1+b3', '1.0-1+deb12u1'],
  ['1.0a', '1.0+'],
  ['26.1.3-0ubuntu1~20.04.1', '26.1.3-0ubuntu1'],
])('%s is older than %s', (older, newer) => {
  expect(compareVersions(older, newer)).toBeLessThan(0);
  expect(compareVersions(newer, older)).toBeGreaterThan(0);
  expect(compareVersions(newer, newer)).toBe(0);
});

test('in the lab Debian is what the lab has', () => {
  const os = { distribution: 'debian', codename: 'bookworm' } as const;
  const [main, , security] = distributionIndexes(versionSources('http://127.0.0.1:4599', false), os);
  expect(main?.release).toBe('http://127.0.0.1:4599/_lab/mirror/debian/dists/bookworm');
  expect(security?.release).toBe('http://127.0.0.1:4599/_lab/mirror/debian-security/dists/bookworm-security');
  expect(distributionIndexes(versionSources(null, false), os)[0]?.release).toBe(
    'http://ftp.debian.org/debian/dists/bookworm',
  );
});
