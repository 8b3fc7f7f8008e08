import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Keys } from '../../src/aws/keys.ts';
import { bake } from '../../src/bake/bake.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { createContext } from '../../src/run/context.ts';
import { readOwner } from '../../src/run/owner.ts';
import { fakeClients, type Taught } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const runId = 'r-20261123120000-abcdef';
const network = { transport: 'ssh', sshUser: 'admin' };
const placements = [{ instanceType: 't3.large', zone: 'us-east-2a', subnetId: 'subnet-1', public: true, reason: '' }];
const plan = {
  imageName: 'an-image',
  apiRegion: 'us-east-2',
  region: 'local',
  endpointUrl: 'http://lab',
  network,
  placements,
};
const TEMPLATE = { variable: { run_id: {}, key_pair: {}, key_file: {} } };
/** Says how it was called, and fails as a provisioner makes it fail. */
const PACKER = '#!/bin/sh\nprintf "%s\\n" "$@" >"$(dirname "$0")/called"\nexit 1\n';
const NONE: Taught = {
  ListClusters: () => ({}),
  ListTaskDefinitionFamilies: () => ({}),
  DescribeSecurityGroups: () => ({}),
  DescribeKeyPairs: () => ({}),
  DescribeVolumes: () => ({}),
  DescribeImages: () => ({}),
  DescribeSnapshots: () => ({}),
};

async function keys(): Promise<Keys> {
  return { accessKeyId: 'lab', secretAccessKey: 'lab' };
}

let folder: string;
let bin: string;
let keyFile: string;
beforeEach(async () => {
  folder = tempFolder();
  bin = join(folder, 'cache', 'toolchain', 'bin');
  keyFile = join(folder, 'state', 'runs', runId, 'ssh', 'id_ed25519');
  vi.stubEnv('ECS_HOST_STATE', join(folder, 'state'));
  vi.stubEnv('ECS_HOST_CACHE', join(folder, 'cache'));
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'packer'), PACKER);
  await chmod(join(bin, 'packer'), 0o755);
  await writeFile(join(folder, 'image.pkr.json'), JSON.stringify(TEMPLATE));
  return () => vi.unstubAllEnvs();
});

/** A bake that fails. @returns what Packer was called with, and which calls of the API were made */
async function failing(
  taught: Taught,
  keep: (() => Promise<void>) | null,
): Promise<{ called: string[]; calls: string[] }> {
  const { clients, calls } = fakeClients({ ...NONE, ...taught });
  const reporter = { emit: () => {}, close: async () => {} };
  const ctx = createContext({ runId, reporter, signal: new AbortController().signal });
  const input = { plan: plan as unknown as BuildPlan, renderDir: folder, ctx, commit: 'c', clients, keys };
  await expect(bake({ ...input, endpointUrl: 'http://lab', keep })).rejects.toMatchObject({ code: 'PACKER_FAILED' });
  const called = (await readFile(join(bin, 'called'), 'utf8')).trim().split('\n');
  return { called, calls: calls.map(({ command }) => command) };
}

const WITH_KEY: Taught = { ImportKeyPair: () => ({}), DeleteKeyPair: () => ({}) };
const ONE = { Reservations: [{ Instances: [{ InstanceId: 'i-1', PublicIpAddress: '10.0.0.9' }] }] };

test('a failed bake is cleaned up by Packer, with a key of its own', async () => {
  const { called, calls } = await failing({ DescribeInstances: () => ({}) }, null);
  expect(called).toContain('-on-error=cleanup');
  expect(called.join(' ')).not.toContain('key_');
  expect(calls).not.toContain('ImportKeyPair');
});

test('one that is to be kept leaves its instance, with a key that reaches it', async () => {
  const stay = vi.fn(async () => {});
  const { called, calls } = await failing({ ...WITH_KEY, DescribeInstances: () => ONE }, stay);
  expect(called).toContain('-on-error=abort');
  expect(called).toEqual(expect.arrayContaining([`key_pair=ecs-host-build-${runId}`, `key_file=${keyFile}`]));
  expect(stay).toHaveBeenCalledOnce();
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect(calls).toEqual(['ImportKeyPair', 'DescribeInstances']);
  expect((await readOwner(runId))?.isKept).toBe(true);
});

test('one that leaves no instance keeps nothing, not even its key', async () => {
  const { calls } = await failing({ ...WITH_KEY, DescribeInstances: () => ({}) }, async () => {});
  expect(calls).toEqual(expect.arrayContaining(['DeleteKeyPair', 'DescribeVolumes']));
  await expect(stat(keyFile)).rejects.toThrow('ENOENT');
  expect((await readOwner(runId))?.isKept).toBeUndefined();
});
