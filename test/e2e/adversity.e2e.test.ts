import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiTarget, clientOptions, createClients } from '../../src/aws/clients.ts';
import { terminateAndWait } from '../../src/aws/instances.ts';
import { keysOfLab } from '../../src/aws/keys.ts';
import { launchInstance } from '../../src/aws/launch.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { poll } from '../../src/io/wait-until.ts';
import { deadlineConfig } from '../../src/run/deadline.ts';
import { joinParts } from '../../src/user-data/parts.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events, resultOf, start } from './support.ts';

/**
 * What AWS does without failing (keys that end, answers that are old, zones that are full), a private workload, a
 * caller that is gone, and a lab that is killed. In this order: each needs what the one before left, and the last ones
 * take the lab away.
 */
let lab: LabHandle;
/** Of the first test; those after it begin with it. */
let goodImageId: string;
const API_REGION = 'us-west-2';

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

async function ask(method: string, path: string, body?: object): Promise<void> {
  const answer = await fetch(`${lab.endpoint}${path}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
}

type Call = { readonly action: string; readonly errorCode?: string; readonly from: string };

async function calls(): Promise<Call[]> {
  const text = await readFile(join(lab.stateFolder, 'lab', 'calls.ndjson'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Call);
}

type Places = { readonly used: { readonly instanceType: string; readonly zone: string }; readonly tried: unknown[] };

/** Room is missing twice for the bake, once in a zone and once for a type, and once for the proof. */
const SHORTAGES = [
  { zone: 'us-west-2a', instanceType: 't3.large', code: 'Unsupported' },
  { zone: 'us-west-2b', instanceType: 't3.large', code: 'VcpuLimitExceeded' },
  { zone: 'us-west-2a', instanceType: 't3.large', code: 'InsufficientInstanceCapacity' },
];

const TOKEN = 'the-token-of-the-private-repository';

/** The lab's repository once more, for whoever has the token, which the lab's Parameter Store keeps. */
async function makePrivateRepository(target: ApiTarget): Promise<void> {
  const git = join(lab.stateFolder, 'lab', 'git');
  await cp(join(git, 'container-images.git'), join(git, 'private.git'), { recursive: true });
  await writeFile(join(git, 'private.git', 'ecs-host-lab-token'), TOKEN);
  const ssm = new SSMClient(clientOptions(target, keysOfLab(lab.endpoint)));
  await ssm.send(new PutParameterCommand({ Name: '/images/token', Value: TOKEN, Type: 'SecureString' }));
  ssm.destroy();
}

test('ami passes while keys end, answers are old, zones are full, and the workload is private', async () => {
  const target = { apiRegion: API_REGION, endpointUrl: lab.endpoint };
  await makePrivateRepository(target);
  await ask('POST', '/_lab/credentials', { lifetimeS: 15 });
  const frozen = createClients(target, await keysOfLab(lab.endpoint)());
  await ask('POST', '/_lab/staleness', { seed: 1 });
  for (const shortage of SHORTAGES) await ask('POST', '/_lab/capacity', shortage);
  const config = await lab.configWith((text) =>
    text
      .replace('instanceType: t3.large', 'instanceTypes: [t3.large, t3.xlarge]')
      .replace('git/container-images.git', 'git/private.git')
      .replace('      ref: main\n', '      ref: main\n      credential: { kind: token, parameter: /images/token }\n'),
  );
  const run = await cli(['ami', '--config', config, '--json'], lab.environment);
  await ask('DELETE', '/_lab/staleness');
  expect(run.exitCode, run.all).toBe(0);
  expect(run.all).not.toContain(TOKEN);
  goodImageId = String(resultOf(run)['imageId']);
  const said = events(run).filter(({ type, code }) => type === 'warning' && code === 'PLACEMENT_LEFT');
  expect(said).toHaveLength(SHORTAGES.length);
  const file = join(lab.stateFolder, 'images', `${goodImageId}.json`);
  const record = JSON.parse(await readFile(file, 'utf8')) as { placement: Places; smoke: { placement: Places } };
  expect(record.placement.used).toMatchObject({ instanceType: 't3.xlarge', zone: 'us-west-2a' });
  expect(record.placement.tried).toMatchObject(SHORTAGES.slice(0, 2));
  expect(record.smoke.placement.used).toMatchObject({ instanceType: 't3.large', zone: 'us-west-2b' });
  expect(record.smoke.placement.tried).toMatchObject(SHORTAGES.slice(2));
  const made = (await calls()).filter(({ from }) => from === 'loopback');
  const codes = made.map(({ errorCode }) => errorCode);
  // Both were there, and nobody came with keys that had ended.
  expect(codes).toContain('InvalidInstanceID.NotFound');
  expect(codes).not.toContain('RequestExpired');
  await expect(frozen.ec2.send(new DescribeImagesCommand({}))).rejects.toMatchObject({ name: 'RequestExpired' });
  frozen.destroy();
  expect(await awsLeftovers(lab)).toEqual([]);
});

test('an instance ends itself when its caller is gone, with the user data of a host beside the order', async () => {
  const clients = createClients({ apiRegion: API_REGION, endpointUrl: lab.endpoint }, keysOfLab(lab.endpoint));
  const { Images = [] } = await clients.ec2.send(new DescribeImagesCommand({ ImageIds: [goodImageId] }));
  expect(Images).toHaveLength(1);
  const instanceId = await launchInstance(clients, {
    imageId: goodImageId,
    instanceType: 't3.large',
    groupIds: [],
    subnetId: await subnetOf(clients.ec2),
    instanceProfile: 'ecs-host',
    userData: joinParts(['#cloud-config\nwrite_files: []\n', deadlineConfig('smoke', 10)]),
    shutdown: 'terminate',
    tags: [{ Key: 'Name', Value: 'ends itself' }],
  });
  const look = async (): Promise<true | null> => {
    const { Reservations = [] } = await clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    return Reservations[0]?.Instances?.[0]?.State?.Name === 'terminated' ? true : null;
  };
  const hasEnded = await poll(look, { timeoutMs: 180_000, intervalMs: 500 });
  await terminateAndWait(clients, [instanceId]);
  clients.destroy();
  expect(hasEnded).toBe(true);
});

async function subnetOf(ec2: EC2Client): Promise<string> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  return Subnets[0]?.SubnetId ?? '';
}

async function pidOf(what: 'daemon' | 'moto'): Promise<number> {
  const { pid } = JSON.parse(await readFile(join(lab.stateFolder, 'lab', 'lab.json'), 'utf8')) as { pid: number };
  if (what === 'daemon') return pid;
  const { stdout } = await execa('pgrep', ['-P', String(pid), '-f', 'server.py']);
  return Number(stdout.trim().split('\n')[0]);
}

/** Runs a command, kills a part of the lab once a line is there, and takes the lab up again. */
async function killedLab(args: readonly string[], at: RegExp, what: 'daemon' | 'moto') {
  const run = start([...args, '--plain'], lab.environment);
  await lab.waitForText(run, at);
  process.kill(await pidOf(what), 'SIGKILL');
  const ended = await run;
  const { stdout } = await execa('ps', ['-e', '-o', 'args=']);
  const left = stdout.split('\n').filter((line) => line.includes(lab.stateFolder) && /packer|\bssh\b/.test(line));
  const down = await cli(['lab', 'down'], { ECS_HOST_STATE: lab.stateFolder });
  expect(down.exitCode, down.all).toBe(0);
  const { port } = new URL(lab.endpoint);
  await execa(process.execPath, [join(projectFolder(), 'lab', 'main.ts'), 'up', '--json', '--port', port], {
    env: { ECS_HOST_STATE: lab.stateFolder },
  });
  return { ended, left };
}

test.for([
  ['smoke', /prove the first instance/, 'daemon'],
  ['bake', /docker/, 'daemon'],
  ['bake', /docker/, 'moto'],
] as const)('%s says at once that the lab is gone: %s, %s', async ([verb, at, what]) => {
  const args = verb === 'smoke' ? ['smoke', goodImageId] : ['bake', '--force'];
  const { ended, left } = await killedLab(args, at, what);
  expect(ended.exitCode, ended.all).toBe(3);
  expect(ended.stderr).toMatch(/The lab \(the embedded EC2\) at http\S+ is gone/);
  expect(ended.stderr).toContain('`ecs-host lab down`');
  expect(ended.stderr).not.toMatch(/\n\s+at .*\.ts:|a bug/);
  // Long before Packer would have given up, which is after two and a half minutes.
  expect(ended.durationMs).toBeLessThan(120_000);
  expect(left).toEqual([]);
});
