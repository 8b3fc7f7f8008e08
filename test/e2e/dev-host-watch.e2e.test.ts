import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  type EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClients } from '../../src/aws/clients.ts';
import { EXPIRES_FILE, renderDevUserData } from '../../src/dev-host/user-data.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { shell } from './machine-lab.ts';

/**
 * Machines that were given nothing but their user data, as a dev host is whose owner's machine is gone at once. The
 * shortest deadlines that are whole minutes for a watch that looks every minute.
 */
type Machine = { readonly id: string; readonly address: string; readonly shell: ReturnType<typeof shell> };

let lab: LabHandle;
let ec2: EC2Client;
let keyFile: string;
let groupId: string;
let imageId: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  lab = await startLabForTests();
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  ec2 = createClients({ apiRegion: 'us-west-2', endpointUrl: lab.endpoint }, credentials).ec2;
  keyFile = join(await lab.newFolder(), 'key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
  groupId = (await ec2.send(new CreateSecurityGroupCommand({ GroupName: 'dev', Description: 'dev' }))).GroupId ?? '';
  const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions: [ssh] }));
  imageId = (await ec2.send(new DescribeImagesCommand({ Owners: ['136693071363'] }))).Images?.[0]?.ImageId ?? '';
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  ec2?.destroy();
  await lab?.down();
});

function zulu(inMs: number): string {
  return new Date(Date.now() + inMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

async function describeOne(id: string) {
  return (await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations?.[0]?.Instances?.[0];
}

async function state(id: string): Promise<string | undefined> {
  return (await describeOne(id))?.State?.Name;
}

async function launch({ expires, idleMinutes }: { expires: string; idleMinutes: number }): Promise<Machine> {
  const key = await readFile(`${keyFile}.pub`, 'utf8');
  const Tags = [
    { Key: 'ecs-host:expires', Value: expires },
    { Key: 'ecs-host:idle-minutes', Value: String(idleMinutes) },
  ];
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: imageId,
      InstanceType: 't3.large',
      MinCount: 1,
      MaxCount: 1,
      SecurityGroupIds: [groupId],
      InstanceInitiatedShutdownBehavior: 'stop',
      MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
      TagSpecifications: [{ ResourceType: 'instance', Tags }],
      UserData: Buffer.from(renderDevUserData({ expires, idleMinutes, authorizedKeys: [key] })).toString('base64'),
    }),
  );
  const id = Instances?.[0]?.InstanceId ?? '';
  await expect.poll(() => state(id), { timeout: 60_000 }).toBe('running');
  const address = (await describeOne(id))?.PublicIpAddress ?? '';
  return { id, address, shell: shell(address, keyFile) };
}

const FOUR_MINUTES = { timeout: 4 * 60_000, interval: 1000 };

test('a host stops by itself at its deadline, or unused; not once extended, or while somebody is in', async () => {
  const soon = zulu(2 * 60_000);
  const [expiring, unused, extended] = await Promise.all([
    launch({ expires: soon, idleMinutes: 0 }),
    launch({ expires: zulu(8 * 3600_000), idleMinutes: 1 }),
    launch({ expires: soon, idleMinutes: 1 }),
  ]);
  await extended.shell.untilUp();
  // Somebody who is in, and says nothing.
  const options = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
  const session = spawn('ssh', ['-N', '-i', keyFile, ...options, `admin@${extended.address}`], { stdio: 'ignore' });
  children.push(session);
  expect(await extended.shell.run('sudo cloud-init status --wait')).toContain('done');
  expect(await extended.shell.run('sudo sshd -T | grep -i clientalive')).toBe(
    'clientaliveinterval 30\nclientalivecountmax 4',
  );
  const timer = 'ecs-host-dev-watch.timer';
  expect((await extended.shell.try(`sudo systemctl stop ${timer}`)).all).toContain('refused');
  expect(await extended.shell.run(`systemctl is-active ${timer}`)).toBe('active');
  await extended.shell.run(`echo ${zulu(3600_000)} | sudo tee ${EXPIRES_FILE}`);

  await expect.poll(() => state(expiring.id), FOUR_MINUTES).toBe('stopped');
  expect((await describeOne(expiring.id))?.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown');
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon));
  await expect.poll(() => state(unused.id), FOUR_MINUTES).toBe('stopped');
  // Past its first deadline, and three times as long as it may be idle.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, Date.parse(soon) + 70_000 - Date.now())));
  expect(await state(extended.id)).toBe('running');
  const remembered = await extended.shell.run('cd /run/ecs-host-dev && grep -H "" *');
  expect(remembered).toMatch(/^used:\d+ ssh/m);

  session.kill('SIGKILL');
  await expect.poll(() => state(extended.id), FOUR_MINUTES).toBe('stopped');
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [expiring.id, unused.id, extended.id] }));
});
