import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TargetConfig } from '../../../contracts/target-config.ts';
import { createOfficialApi } from '../../../lab/official/api.ts';
import { answerSources } from '../../../lab/official/sources.ts';
import { askStandIns, withStandIns } from '../../../src/plan/stand-ins.ts';
import { officialTrust } from '../../../src/plan/trust.ts';
import { resolveVersions } from '../../../src/plan/versions/resolve-versions.ts';
import { versionSources } from '../../../src/plan/versions/sources.ts';
import { nvidia, target } from '../../fixtures/target-config.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { makeOfficial, type OfficialLab } from './official-lab.ts';
import { SMALL_PARTS } from './small-parts.ts';

const cache = sharedTempFolder();
let lab: OfficialLab;
let base: string;
const server = createServer((request, response) => {
  if (!createOfficialApi({ mode: async () => 'stand-in' as const, ...lab })(request, response))
    response.writeHead(418).end();
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  lab = makeOfficial({ cache });
});

const PACKAGE = 'https://s3.us-east-1.amazonaws.com/amazon-ecs-agent-us-east-1/amazon-ecs-init-latest.amd64.deb';
const FOCAL: TargetConfig = {
  ...target,
  os: { distribution: 'ubuntu', codename: 'focal' },
  docker: { source: 'docker-ce', version: null, insecureRegistries: [] },
  ecsAgent: { source: 'aws', package: PACKAGE, sha256: null },
  nvidia,
  userTools: { awsCli: { source: 'aws', version: null } },
};
const ofFocal = { ...FOCAL, trust: officialTrust(FOCAL) };

function quiet(): void {}

async function post(fault: unknown): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${base}/_lab/official`, { method: 'POST', body: JSON.stringify(fault) });
  return { status: answer.status, text: await answer.text() };
}

describe('whoever plans', () => {
  test("learns the lab's keys, the driver's hash, and what is not the real one", async () => {
    const standIns = await askStandIns(ofFocal, base, quiet);
    const planned = withStandIns(ofFocal, standIns);
    for (const [name, signer] of [
      ['docker', 'docker'],
      ['nvidiaContainerToolkit', 'nvidia-container-toolkit'],
      ['ecsAgent', 'amazon-ecs'],
      ['awsCli', 'aws-cli'],
    ] as const)
      expect(planned.trust[name]?.fingerprint, name).toBe((await lab.key(signer)).fingerprint);
    expect(planned.nvidia?.driverSha256).not.toBe(nvidia.driverSha256);
    expect(standIns?.substitutions.map(({ component }) => component)).toEqual([
      'ubuntu packages',
      ...SMALL_PARTS.filter(({ name }) => name === 'kernel-focal').map(({ name }) => name),
      // Of Node nothing is on an image: it is what the image is read with.
      ...SMALL_PARTS.filter(({ name }) => !['kernel-focal', 'nodejs'].includes(name)).map(({ name }) => name),
    ]);
  });

  test('finds versions and files as at the official hosts, under the official URLs', async () => {
    expect(await resolveVersions(ofFocal, versionSources(base, true))).toEqual({
      docker: '5:28.1.1-1~ubuntu.20.04~focal',
      ecsAgentPackage: PACKAGE.replace('latest', '1.108.0-1'),
      awsCli: '2.31.0',
    });
  });

  test('asks nobody on AWS, nor for what takes nothing from official hosts', async () => {
    expect(await askStandIns(ofFocal, null, quiet)).toBeNull();
    expect(await askStandIns(target, 'http://127.0.0.1:1', quiet)).toBeNull();
    expect(withStandIns(ofFocal, null)).toBe(ofFocal);
  });

  test('is told what is being built, until it is', async () => {
    const gate = Promise.withResolvers<void>();
    const parts = SMALL_PARTS.map((part) =>
      part.name === 'aws-cli'
        ? { ...part, digest: async () => 'late', build: (build: never) => gate.promise.then(() => part.build(build)) }
        : part,
    );
    const late = makeOfficial({ cache, parts });
    const query = new URLSearchParams({ codename: 'focal', component: 'aws-cli' });
    const ask = (waitMs: number) => answerSources({ mode: async () => 'stand-in' as const, ...late, waitMs }, query);
    expect(await ask(1)).toEqual({ mode: 'building', building: ['aws-cli'] });
    gate.resolve();
    expect(await ask(60_000)).toMatchObject({ mode: 'stand-in', trust: { docker: null, awsCli: {} } });
  });

  test('takes the real ones where machines reach them', async () => {
    expect(await answerSources({ mode: async () => 'official' as const, ...lab }, new URLSearchParams())).toEqual({
      mode: 'official',
    });
  });

  test('is told what the lab has no part of, a version of the driver too', async () => {
    lab = makeOfficial({ cache, parts: SMALL_PARTS.filter(({ name }) => name !== 'docker-ce-focal') });
    await expect(askStandIns(ofFocal, base, quiet)).rejects.toMatchObject({
      kind: 'outside',
      code: 'LAB_PARTS',
      message: expect.stringContaining('the lab has no part docker-ce-focal'),
    });
    lab = makeOfficial({ cache });
    const newer = { ...ofFocal, nvidia: { ...nvidia, driverVersion: '590.1' } };
    await expect(askStandIns(newer, base, quiet)).rejects.toThrow('the lab has no part nvidia-driver-590.1');
    const warty = { ...ofFocal, os: { distribution: 'ubuntu', codename: 'warty' } } as const;
    await expect(askStandIns(warty, base, quiet)).rejects.toThrow('focal, jammy, noble, and not for warty');
  });

  test('is told why a part could not be built, and the next one tries again', async () => {
    let isBroken = true;
    const parts = SMALL_PARTS.map((part) =>
      part.name === 'aws-cli'
        ? {
            ...part,
            digest: async () => 'broken',
            build: async (build: never) => (isBroken ? Promise.reject(new Error('no disk')) : part.build(build)),
          }
        : part,
    );
    lab = makeOfficial({ cache, parts });
    await expect(askStandIns(ofFocal, base, quiet)).rejects.toThrow('no disk');
    isBroken = false;
    expect(await askStandIns(ofFocal, base, quiet)).not.toBeNull();
  });
});

describe('a fault', () => {
  test.each([
    [{ host: 'example.com', fault: 'missing' }, 'no official host example.com'],
    [{ host: 'download.nvidia.com', fault: 'expired-key' }, 'knows no fault expired-key'],
    [{ host: 'security.ubuntu.com', fault: 'expired-key' }, 'knows no fault expired-key'],
    [{ host: 'download.docker.com', fault: 'slow' }, 'is one of wrong-signature'],
    [{ host: 'download.docker.com', fault: 'missing', path: 'x' }, 'begins with a slash'],
    [{ host: 'download.docker.com', fault: 'missing', times: 1 }, 'has no times'],
    [null, 'is one of'],
  ])('that is none is refused in words: %j', async (fault, reason) => {
    const { status, text } = await post(fault);
    expect(status).toBe(400);
    expect(text).toContain(reason);
    expect(lab.official.faults).toEqual([]);
  });

  test('holds for its host and path until it is taken back', async () => {
    const url = `${base}/_lab/official/download.docker.com/linux/ubuntu/gpg`;
    expect((await post({ host: 'download.docker.com', path: '/linux/ubuntu/gpg', fault: 'missing' })).status).toBe(200);
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${base}/_lab/official/download.docker.com/linux/ubuntu/dists/focal/InRelease`)).status).toBe(
      200,
    );
    await fetch(`${base}/_lab/official`, { method: 'DELETE' });
    expect((await fetch(url)).status).toBe(200);
  });

  test('of a checksum changes packages, and by its path anything, but not how long it is', async () => {
    const url = `${base}/_lab/official/awscli.amazonaws.com/awscli-exe-linux-x86_64.zip`;
    await post({ host: 'awscli.amazonaws.com', fault: 'wrong-checksum' });
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    expect(Buffer.from(bytes.subarray(1)).toString()).toBe(' zip\n');
    expect(bytes[0]).not.toBe('a'.charCodeAt(0));
    const feed = '/aws/aws-cli/tags.atom';
    expect(await (await fetch(`${base}/_lab/official/github.com${feed}`)).text()).toMatch(/^<\?xml/);
  });

  test('of a key that expired holds for the key that a plan pins', async () => {
    await post({ host: 's3.us-east-1.amazonaws.com', fault: 'expired-key' });
    const standIns = await askStandIns(ofFocal, base, quiet);
    const { fingerprint, publicKey } = await lab.key('amazon-ecs');
    expect(standIns?.trust.ecsAgent).toMatchObject({ fingerprint });
    expect(standIns?.trust.ecsAgent?.key).not.toBe(publicKey);
  });
});

test('other paths of the endpoint are not its own', async () => {
  expect((await fetch(`${base}/_lab/status`)).status).toBe(418);
  expect((await fetch(`${base}/_lab/official/example.com/x`)).status).toBe(404);
});
