import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { GetConnectionStatusCommand, SSMClient } from '@aws-sdk/client-ssm';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsClients, createClients } from '../../src/aws/clients.ts';
import { askForBaseImage } from '../../src/lab-client/base-image.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';

const KEYS = { accessKeyId: 'lab', secretAccessKey: 'lab' } as const;
const FOCAL = { ownerId: '099720109477', name: 'ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-*' } as const;

describe("the lab's stand-in for Ubuntu 20.04", () => {
  let lab: LabHandle;
  let clients: AwsClients;
  let keyFile: string;

  beforeAll(async () => {
    lab = await startLabForTests();
    clients = createClients({ apiRegion: 'us-west-2', endpointUrl: lab.endpoint }, KEYS);
  });
  afterAll(async () => {
    clients?.destroy();
    await lab?.down();
  });

  const ask = (sources: 'stand-in' | 'official') =>
    askForBaseImage(
      lab.endpoint,
      { ...FOCAL, sources },
      { signal: new AbortController().signal, building: (work) => work(() => {}) },
    );

  async function launch(imageId: string): Promise<{ readonly instanceId: string; readonly address: string }> {
    const { ec2 } = clients;
    const key = await ec2.send(new CreateKeyPairCommand({ KeyName: 'e2e', KeyType: 'ed25519' }));
    keyFile = join(await lab.newFolder(), 'key');
    await writeFile(keyFile, key.KeyMaterial ?? '', { mode: 0o600 });
    const { GroupId = '' } = await ec2.send(new CreateSecurityGroupCommand({ GroupName: 'e2e', Description: 'e2e' }));
    const ssh22 = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
    await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [ssh22] }));
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({
        ImageId: imageId,
        InstanceType: 't3.large',
        MinCount: 1,
        MaxCount: 1,
        KeyName: 'e2e',
        SecurityGroupIds: [GroupId],
        IamInstanceProfile: { Name: 'ecs-host' },
        MetadataOptions: { HttpTokens: 'required' },
      }),
    );
    const instanceId = Instances[0]?.InstanceId ?? '';
    const found = async () => {
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
      return Reservations?.[0]?.Instances?.[0];
    };
    await expect.poll(async () => (await found())?.State?.Name, { timeout: 240_000 }).toBe('running');
    const address = (await found())?.PublicIpAddress ?? '';
    return { instanceId, address };
  }

  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=5', 'LogLevel=ERROR'];

  async function ssh(address: string, command: string): Promise<string> {
    const args = ['-i', keyFile, ...options.flatMap((option) => ['-o', option]), `ubuntu@${address}`, command];
    const { stdout } = await execa('ssh', args, { stdin: 'ignore' });
    return stdout;
  }

  test("is made when it is asked for, and boots as Canonical's does", async () => {
    const offered = await ask('stand-in');
    expect(offered).toMatchObject({ mode: 'stand-in', substitution: { component: 'base image' } });
    const filters = [{ Name: 'name', Values: [offered?.imageName ?? ''] }];
    const { Images = [] } = await clients.ec2.send(new DescribeImagesCommand({ Filters: filters }));
    expect(Images).toMatchObject([{ OwnerId: FOCAL.ownerId, RootDeviceName: '/dev/sda1', State: 'available' }]);

    const { instanceId, address } = await launch(Images[0]?.ImageId ?? '');
    await expect
      .poll(() => ssh(address, 'cloud-init status --wait').catch(String), { timeout: 240_000 })
      .toContain('status: done');
    expect(await ssh(address, '. /etc/os-release; echo "$ID $VERSION_ID $VERSION_CODENAME"; lsb_release -ds')).toBe(
      'ubuntu 20.04 focal\nUbuntu 20.04.6 LTS',
    );
    expect(await ssh(address, 'systemctl --version | head -1; systemctl --failed --no-legend')).toMatch(
      /^systemd 247 \S+$/,
    );
    expect(await ssh(address, 'cd /boot; ls vmlinuz-* initrd.img-*; ls /lib/modules')).toBe(
      'initrd.img-5.15.0-1084-aws\nvmlinuz-5.15.0-1084-aws\n5.15.0-1084-aws',
    );

    // Its archives are those of its region, behind the lab's door; it trusts what the lab signs.
    expect(await ssh(address, 'cat /etc/apt/sources.list')).toContain(
      'deb http://us-west-2.ec2.archive.ubuntu.com/ubuntu/ focal main universe',
    );
    expect(await ssh(address, 'sudo apt-get update 2>&1; apt-cache policy tree')).toMatch(
      /us-west-2\.ec2\.archive\.ubuntu\.com\/ubuntu focal\/universe/,
    );
    expect(await ssh(address, 'curl -s -o /dev/null -w %{ssl_verify_result} https://download.docker.com/')).toBe('0');

    expect(await ssh(address, 'systemctl is-active snap.amazon-ssm-agent.amazon-ssm-agent')).toBe('active');
    const ssm = new SSMClient({ region: 'us-west-2', endpoint: lab.endpoint, credentials: KEYS });
    await expect
      .poll(async () => (await ssm.send(new GetConnectionStatusCommand({ Target: instanceId }))).Status)
      .toBe('connected');
    ssm.destroy();
  });

  test('cannot be exchanged for the official one under a machine', async () => {
    await expect(ask('official')).rejects.toMatchObject({
      code: 'LAB_SOURCES',
      message: expect.stringContaining('uses stand-in sources') as string,
    });
  });
});
