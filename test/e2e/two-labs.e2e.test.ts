import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  waitUntilInstanceRunning,
} from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli, newStateFolder, upOwned } from './support.ts';

/** Two labs that start at the same moment, with nothing but a state folder of their own. */
type Lab = { readonly stateFolder: string; readonly environment: Record<string, string>; readonly ec2: EC2Client };

const folders: string[] = [];
const labs: Lab[] = [];

async function startLab(stateFolder: string): Promise<Lab> {
  const environment = { ECS_HOST_STATE: stateFolder };
  const up = await upOwned(stateFolder);
  expect(up.exitCode, up.all).toBe(0);
  const { endpoint } = JSON.parse(up.stdout) as { endpoint: string };
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  return { stateFolder, environment, ec2: new EC2Client({ region: 'us-west-2', endpoint, credentials }) };
}

beforeAll(async () => {
  folders.push(await newStateFolder(), await newStateFolder());
  labs.push(...(await Promise.all(folders.map(startLab))));
});
afterAll(async () => {
  for (const { ec2 } of labs) ec2.destroy();
  await Promise.all(
    folders.map(async (folder) => {
      await cli(['lab', 'down'], { ECS_HOST_STATE: folder });
      await rm(folder, { recursive: true, force: true });
    }),
  );
});

type Machine = { readonly address: string; ssh(command: string): Promise<string> };

async function boot({ ec2, stateFolder }: Lab): Promise<Machine> {
  const key = join(stateFolder, 'key');
  const { KeyMaterial = '' } = await ec2.send(new CreateKeyPairCommand({ KeyName: 'two', KeyType: 'ed25519' }));
  await writeFile(key, KeyMaterial, { mode: 0o600 });
  const { GroupId = '' } = await ec2.send(new CreateSecurityGroupCommand({ GroupName: 'two', Description: 'two' }));
  const port22 = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '10.0.0.0/8' }] };
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [port22] }));
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['136693071363'] }));
  const newest = Images.toSorted((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0];
  const { Instances: [{ InstanceId = '' } = {}] = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: newest?.ImageId,
      InstanceType: 't3.small',
      MinCount: 1,
      MaxCount: 1,
      KeyName: 'two',
      SecurityGroupIds: [GroupId],
    }),
  );
  const ids = { InstanceIds: [InstanceId] };
  await waitUntilInstanceRunning({ client: ec2, maxWaitTime: 120, minDelay: 0.3, maxDelay: 0.5 }, ids);
  const described = await ec2.send(new DescribeInstancesCommand(ids));
  const address = described.Reservations?.[0]?.Instances?.[0]?.PublicIpAddress ?? '';
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=3', 'LogLevel=ERROR'];
  const ssh = async (command: string): Promise<string> => {
    const args = ['-i', key, ...options.flatMap((option) => ['-o', option]), `admin@${address}`, command];
    return (await execa('ssh', args, { stdin: 'ignore' })).stdout;
  };
  await expect.poll(() => ssh('true').catch(() => 'not yet'), { timeout: 120_000, interval: 500 }).toBe('');
  return { address, ssh };
}

const NETWORK = /^10\.(6[4-9]|7[0-8])\./;

test('they take two networks, and in both a machine finds the lab by its name', async () => {
  const machines = await Promise.all(labs.map(boot));
  const networks = machines.map(({ address }) => NETWORK.exec(address)?.[0]);
  expect(new Set(networks).size, networks.join()).toBe(2);
  expect(networks).not.toContain(undefined);
  for (const { ssh } of machines) {
    expect(await ssh('getent ahostsv4 lab.internal | head -1')).toMatch(/^10\.78\.0\.1 /);
    expect(await ssh('sudo apt-get update -qq && apt-get download -qq jq && ls')).toContain('jq_');
    expect(await ssh('curl -sf http://lab.internal/git/container-images.git/HEAD')).toBe('ref: refs/heads/main');
    expect(await ssh('curl -s -o /dev/null -w "%{http_code}" http://lab.internal:5000/v2/')).toBe('200');
    // No name of anywhere else, and no waiting for it: 2 is getent's "not found".
    expect(await ssh('time=$(date +%s); getent hosts debian.org; echo $? $(($(date +%s) - time))')).toMatch(/^2 [01]$/);
  }
});

type Shown = { readonly ifalias?: string; readonly ifname?: string; readonly dev?: string; readonly dst?: string };

/** By the link that the lab signed; others may be up. */
async function networkOf(stateFolder: string): Promise<string | undefined> {
  const shown = async (what: string): Promise<Shown[]> => JSON.parse((await execa('ip', ['-j', what, 'show'])).stdout);
  const [links, routes] = await Promise.all([shown('link'), shown('route')]);
  const link = links.find(({ ifalias }) => ifalias === stateFolder)?.ifname;
  const route = routes.find(({ dev, dst }) => dev === link && dst?.endsWith('.0.0/16'));
  return route?.dst?.split('.').slice(0, 2).join('.');
}

test('a network that is asked for and taken is refused, with the way out', async () => {
  const folder = await newStateFolder();
  folders.push(folder);
  const network = await networkOf(folders[0] ?? '');
  const up = await cli(['lab', 'up'], { ECS_HOST_STATE: folder, ECS_HOST_LAB_NETWORK: network ?? 'none' });
  expect(up.exitCode, up.all).toBe(2);
  expect(up.all).toMatch(
    /is the network of another lab: stop it with `ECS_HOST_STATE='.*leave ECS_HOST_LAB_NETWORK out/,
  );
});
