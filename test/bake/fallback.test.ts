import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { bake } from '../../src/bake/bake.ts';
import { BuildTracker } from '../../src/bake/build-tracker.ts';
import { launchShortage } from '../../src/bake/failure.ts';
import { createMachineReadableParser } from '../../src/bake/machine-readable.ts';
import type { Message } from '../../src/io/reporter.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { createContext } from '../../src/run/context.ts';
import { fakeClients } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const runId = 'r-20261123120000-abcdef';
const placements = [
  { instanceType: 'g5.xlarge', zone: 'us-east-2a', subnetId: 'subnet-a', public: true, reason: '' },
  { instanceType: 'g5.xlarge', zone: 'us-east-2b', subnetId: 'subnet-b', public: false, reason: '' },
];
const network = { transport: 'session-manager', sshUser: 'ubuntu' };
const plan = {
  ...{
    imageName: 'an-image',
    region: 'us-east-2',
    apiRegion: 'us-east-2',
    endpointUrl: 'http://lab',
    network,
    placements,
  },
} as unknown as BuildPlan;
const TEMPLATE = { variable: { run_id: {}, instance_type: {}, subnet: {}, public_address: {} } };

/** As the plugin says it: SDK v1's text of an error has the status below. */
function said(error: string): string {
  return `1732000000,,ui,error,==> amazon-ebs.host: ${error.replaceAll('\n', '\\n')}`;
}
const NO_ROOM = said(
  'Error launching source instance: InsufficientInstanceCapacity: We have none now.\n\tstatus code: 500',
);

let folder: string;
let bin: string;
beforeEach(async () => {
  folder = tempFolder();
  bin = join(folder, 'cache', 'toolchain', 'bin');
  vi.stubEnv('ECS_HOST_STATE', join(folder, 'state'));
  vi.stubEnv('ECS_HOST_CACHE', join(folder, 'cache'));
  await mkdir(bin, { recursive: true });
  await writeFile(join(folder, 'image.pkr.json'), JSON.stringify(TEMPLATE));
  return () => vi.unstubAllEnvs();
});

/** A bake by a Packer that says so in a subnet, and fails without a word in another. */
async function baking(says: Readonly<Record<string, string>>) {
  const cases = Object.entries(says).map(([subnet, line]) => `*subnet=${subnet}*) cat <<'END'\n${line}\nEND\n;;`);
  const script = `#!/bin/sh\necho "$@" >>"$(dirname "$0")/called"\ncase "$*" in\n${cases.join('\n')}\nesac\nexit 1\n`;
  await writeFile(join(bin, 'packer'), script);
  await chmod(join(bin, 'packer'), 0o755);
  const none = [
    'ListClusters',
    'ListTaskDefinitionFamilies',
    'DescribeSecurityGroups',
    'DescribeKeyPairs',
    'DescribeVolumes',
    'DescribeImages',
  ];
  const { clients, calls } = fakeClients(
    Object.fromEntries([...none, 'DescribeSnapshots', 'DescribeInstances'].map((name) => [name, () => ({})])),
  );
  const messages: Message[] = [];
  const reporter = { emit: (message: Message) => messages.push(message), close: async () => {} };
  const ctx = createContext({ runId, reporter, signal: new AbortController().signal });
  const keys = async () => ({ accessKeyId: 'lab', secretAccessKey: 'lab' });
  const input = { plan, renderDir: folder, ctx, commit: 'c', clients, keys, endpointUrl: 'http://lab', keep: null };
  const error = await bake(input).catch((thrown: unknown) => thrown);
  const called = (await readFile(join(bin, 'called'), 'utf8')).trim().split('\n');
  return { error, called, messages, sweeps: calls.filter(({ command }) => command === 'DescribeVolumes').length };
}

describe('a bake without room', () => {
  test('is tried again in the next placement, when nothing of the first is left', async () => {
    const { error, called, messages, sweeps } = await baking({ 'subnet-a': NO_ROOM });
    expect(error).toMatchObject({ code: 'PACKER_FAILED', message: 'Packer failed: exit code 1' });
    expect(called).toHaveLength(2);
    expect(called[0]).toContain('instance_type=g5.xlarge -var subnet=subnet-a -var public_address=true');
    expect(called[1]).toContain('instance_type=g5.xlarge -var subnet=subnet-b -var public_address=false');
    expect(called.every((line) => line.includes(`run_id=${runId}`))).toBe(true);
    expect(sweeps).toBeGreaterThan(1);
    expect(messages.filter(({ type }) => type === 'warning')).toMatchObject([
      { code: 'PLACEMENT_LEFT', details: [{ reason: 'We have none now.' }] },
    ]);
    const files = await readdir(join(folder, 'state', 'runs', runId));
    expect(files).toEqual(expect.arrayContaining(['packer-output.txt', 'packer-output-2.txt']));
  });

  test('ends with all that was tried when none has any', async () => {
    const quota = said('Error launching source instance: VcpuLimitExceeded: You have requested more vCPU capacity.');
    const { error, called } = await baking({ 'subnet-a': quota });
    expect(called).toHaveLength(1);
    expect(error).toMatchObject({ kind: 'outside', code: 'NO_CAPACITY', tried: [{ code: 'VcpuLimitExceeded' }] });
  });
});

describe('what the plugin says of a launch', () => {
  function shortageIn(...lines: string[]) {
    const child = (): { progress(): void; end(): void } => ({ progress: () => {}, end: () => {} });
    const tracker = new BuildTracker({ progress: () => {}, check: () => {}, child }, () => 0);
    const parser = createMachineReadableParser();
    for (const line of parser.push(Buffer.from(`${lines.join('\n')}\n`))) tracker.take(line);
    return launchShortage(tracker.finish('failed'));
  }

  test('is a shortage also when the instance ended before it ran', () => {
    const waiting = 'Error waiting for instance (i-1) to become ready: ResourceNotReady: failed waiting';
    const none = 'Server.InsufficientInstanceCapacity';
    const details = `Instance state change details: ${none}: ${none}: Insufficient capacity.`;
    expect(shortageIn(said(waiting), said(details))).toMatchObject({ code: 'InsufficientInstanceCapacity' });
  });

  test('is none for another refusal, and none once a provisioner speaks', () => {
    expect(shortageIn(said('Error launching source instance: UnauthorizedOperation: no'))).toBeNull();
    const provisioning = '1732000000,,ui,say,==> amazon-ebs.host: Connected to SSH!';
    expect(shortageIn(provisioning, NO_ROOM)).toBeNull();
  });
});
