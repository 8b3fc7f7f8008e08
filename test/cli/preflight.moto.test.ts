import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { motoIsInstalled, startEndpoint } from '../lab/endpoint/endpoint-with-moto.ts';
import { runCli } from '../support/run-cli.ts';
import { sharedTempFolder, tempFolder } from '../support/temp-folder.ts';

type Item = { readonly name: string; readonly status: string; readonly found: string; readonly fix: string };

let endpoint: Awaited<ReturnType<typeof startEndpoint>>;
let state: string;
const folder = sharedTempFolder();

beforeAll(async () => {
  if (motoIsInstalled) endpoint = await startEndpoint(folder);
});
afterAll(async () => {
  if (motoIsInstalled) await endpoint.stop();
});
beforeEach(() => {
  state = tempFolder();
});

function cli(...args: string[]) {
  return runCli(args, { env: { AWS_ENDPOINT_URL: endpoint.url, ECS_HOST_STATE: state } });
}

async function doctor(...args: string[]): Promise<{ exitCode: number | null; items: readonly Item[] }> {
  const { exitCode, stdout, stderr } = await cli('doctor', '--json', ...args);
  expect(stdout, stderr).not.toBe('');
  return { exitCode, items: JSON.parse(stdout).items };
}

/** hosts.yaml of the project, with one word of it changed. */
async function configWith(...changes: [from: string, to: string][]): Promise<string> {
  const file = join(tempFolder(), 'hosts.yaml');
  const text = await readFile(join(projectFolder(), 'hosts.yaml'), 'utf8');
  await writeFile(
    file,
    changes.reduce((sum, [from, to]) => sum.replaceAll(from, to), text),
  );
  return file;
}

/** What was asked of the API while `work` ran. */
async function actionsOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = endpoint.calls.recent().length;
  await work();
  return endpoint.calls
    .recent()
    .slice(before)
    .map(({ action }) => action);
}

function byName(items: readonly Item[], name: string): Item | undefined {
  return items.find((item) => item.name === name);
}

const OF_THE_REGION = [
  'base image',
  'security group',
  'subnet',
  'caller identity',
  'life of the credentials',
  'instance profile ecs-host',
  'handing on the role of ecs-host',
  'vCPU quota',
  "ECS's own role",
  "the workload's ports",
];

describe.skipIf(!motoIsInstalled)('against the API of the lab', () => {
  test('doctor --region local: all that a run needs is there', async () => {
    const { items } = await doctor('--region', 'local');
    for (const name of OF_THE_REGION) expect(byName(items, name), name).toMatchObject({ status: 'ok', fix: '' });
    expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(['root', 'program ffmpeg']));
    expect(byName(items, 'program session-manager-plugin')).toBeUndefined();
  });

  test('doctor --region us-east-2 asks for nothing of the lab, but for Session Manager', async () => {
    const { items } = await doctor('--region', 'us-east-2');
    const names = items.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['package git', 'Packer', 'program session-manager-plugin']));
    for (const name of ['root', 'package systemd-container', 'package nftables', 'Python packages (moto, ffmpeg)'])
      expect(names).not.toContain(name);
    expect(names.filter((name) => name.startsWith('kernel'))).toEqual([]);
  });

  test('ami: everything that is missing is told at once, exit 2, and nothing was changed', async () => {
    const config = await configWith(
      ['debian-12-amd64-*', 'no-such-image-*'],
      ['securityGroup: container-testing', 'securityGroup: no-such-group'],
      ['instanceProfile: ecs-host', 'instanceProfile: no-such-profile'],
      ['instanceType: t3.large', 'instanceType: m5.24xlarge'],
    );
    let result = { exitCode: null as number | null, stdout: '', stderr: '' };
    const actions = await actionsOf(async () => {
      result = await cli('ami', '--config', config, '--json');
    });
    const error = JSON.parse(result.stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(result.exitCode, result.stdout).toBe(2);
    expect(error).toMatchObject({ kind: 'user', code: 'PREFLIGHT_FAILED' });
    expect(error.details.map(({ key }: { key: string }) => key)).toEqual([
      'base image',
      'security group',
      'instance profile no-such-profile',
      'vCPU quota',
    ]);
    for (const { key, hint } of error.details) expect(hint, key).not.toBe('');
    expect(actions.filter((action) => !/^(Describe|Get|List|Simulate)/.test(action))).toEqual([]);
    expect(await readdir(join(state, 'runs')).catch(() => [])).toEqual([]);
  });

  test('plan tells of all its mistakes at once, too', async () => {
    const config = await configWith(
      ['debian-12-amd64-*', 'no-such-image-*'],
      ['securityGroup: container-testing', 'securityGroup: no-such-group'],
    );
    const { exitCode, stderr } = await cli('plan', '--config', config, '--out', join(state, 'out'));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('[IMAGE_NOT_FOUND]');
    expect(stderr).toContain('[SECURITY_GROUP_NOT_FOUND]');
  });

  test('a permission that the caller lacks is named and stops nothing; dead keys do', async () => {
    const fault = (action: string, code: string) =>
      fetch(`${endpoint.url}/_lab/faults`, {
        method: 'POST',
        body: JSON.stringify({ action, code, message: 'injected', httpStatus: 403, times: 1 }),
      });
    expect((await fault('GetServiceQuota', 'AccessDeniedException')).status).toBe(200);
    expect((await fault('GetCallerIdentity', 'InvalidClientTokenId')).status).toBe(200);
    const { exitCode, items } = await doctor('--region', 'local');
    expect(byName(items, 'vCPU quota')).toMatchObject({
      status: 'unchecked',
      found: 'not checked: the credentials may not do servicequotas:GetServiceQuota',
    });
    expect(byName(items, 'caller identity')).toMatchObject({
      status: 'missing',
      fix: expect.stringContaining('sign in again'),
    });
    expect(exitCode).toBe(2);
  });
});
