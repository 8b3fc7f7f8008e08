import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  type BlockDeviceMapping,
  CreateImageCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
  ModifyInstanceMetadataOptionsCommand,
  RebootInstancesCommand,
  RevokeSecurityGroupIngressCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  waitUntilImageAvailable,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
  waitUntilInstanceTerminated,
} from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { newStateFolder, testEnvironment } from './support.ts';

type Up = { endpoint: string; pid: number; netns: string; started: boolean };

/** What this very lab holds on the machine; other labs may be up beside it. */
async function leftovers(stateFolder: string, netns: string): Promise<string[]> {
  const text = async (file: string, args: string[]): Promise<string> =>
    (await execa(file, args, { reject: false })).stdout;
  const matching = (what: string, lines: string, pattern: string): string[] =>
    lines
      .split('\n')
      .filter((line) => line.includes(pattern) && !line.includes('vitest'))
      .map((line) => `${what}: ${line}`);
  const id = netns.replace('ecs-host-lab-', '');
  return [
    ...matching('mount', await readFile('/proc/mounts', 'utf8'), stateFolder),
    ...matching('loop', await text('losetup', ['-l', '-n', '-O', 'NAME,BACK-FILE']), stateFolder),
    ...matching('namespace', await text('ip', ['netns', 'list']), netns),
    ...matching('link', await text('ip', ['-o', 'link']), id),
    ...matching('process', await text('ps', ['-e', '-o', 'pid=,args=']), stateFolder),
    ...matching('control group', await text('find', ['/sys/fs/cgroup', '-maxdepth', '4', '-name', `*${id}*`]), id),
  ];
}

/** Where an ext4 file system says what it is, and when it was last written to. */
async function superblockDigest(file: string): Promise<string> {
  const disk = await open(file);
  try {
    const { buffer } = await disk.read(Buffer.alloc(1024), 0, 1024, 1024);
    return createHash('sha256').update(buffer).digest('hex');
  } finally {
    await disk.close();
  }
}

describe('the lab', () => {
  let stateFolder: string;
  let environment: Record<string, string>;
  let up: Up;
  let ec2: EC2Client;
  let keyFile: string;
  let groupId: string;
  let baseImage: string;
  let imageId: string;
  const children: ChildProcess[] = [];

  const lab = (...args: string[]) =>
    execa(process.execPath, [join(projectFolder(), 'lab', 'main.ts'), ...args], {
      env: environment,
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
    });
  // Owned by this process unless a test says by whom: a run of the tests that is killed leaves no lab up.
  const bringUp = async (...owner: string[]): Promise<Up> => {
    const args = owner.length > 0 ? owner : ['--owner-pid', String(process.pid)];
    const result = await lab('up', '--port', '0', '--json', ...args);
    expect(result.stderr + result.exitCode).toMatch(/0$/);
    const record = JSON.parse(result.stdout) as Up;
    ec2?.destroy();
    ec2 = new EC2Client({
      region: 'us-west-2',
      endpoint: record.endpoint,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    });
    return record;
  };
  const waiting = () => ({ client: ec2, maxWaitTime: 90, minDelay: 0.2, maxDelay: 0.4 }) as never;
  const describeOne = async (id: string) =>
    (await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations?.[0]?.Instances?.[0];
  const run = async (
    image: string,
    more: readonly BlockDeviceMapping[] = [],
  ): Promise<{ id: string; address: string }> => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ImageId: image,
        InstanceType: 't3.large',
        MinCount: 1,
        MaxCount: 1,
        KeyName: 'e2e',
        SecurityGroupIds: [groupId],
        IamInstanceProfile: { Name: 'ecs-host' },
        MetadataOptions: { HttpTokens: 'required' },
        UserData: Buffer.from(
          '#cloud-config\nwrite_files:\n  - path: /etc/from-user-data\n    content: hello\n',
        ).toString('base64'),
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 12, DeleteOnTermination: true } }, ...more],
      }),
    );
    const id = Instances?.[0]?.InstanceId ?? '';
    await waitUntilInstanceRunning(waiting(), { InstanceIds: [id] });
    return { id, address: (await describeOne(id))?.PublicIpAddress ?? '' };
  };
  const ssh = async (address: string, command: string, limitMs = 60_000): Promise<string> => {
    const limit = Date.now() + limitMs;
    for (;;) {
      const result = await execa(
        'ssh',
        [
          '-i',
          keyFile,
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
          '-o',
          'ConnectTimeout=2',
          '-o',
          'BatchMode=yes',
          '-o',
          'LogLevel=ERROR',
          `admin@${address}`,
          command,
        ],
        { reject: false, stdin: 'ignore' },
      );
      if (result.exitCode === 0) return result.stdout;
      if (Date.now() > limit) throw new Error(`ssh ${address}: ${result.exitCode} ${result.stderr} ${result.stdout}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  /** Whether a TCP connection is accepted, and not dropped. */
  const accepts = async (address: string, port: number): Promise<boolean> =>
    (await execa('bash', ['-c', `exec 3<>/dev/tcp/${address}/${port}`], { reject: false, timeout: 1500 })).exitCode ===
    0;

  beforeAll(async () => {
    stateFolder = await newStateFolder();
    environment = testEnvironment({ ECS_HOST_STATE: stateFolder });
    up = await bringUp();
    const key = await ec2.send(new CreateKeyPairCommand({ KeyName: 'e2e', KeyType: 'ed25519' }));
    keyFile = join(stateFolder, 'key');
    await writeFile(keyFile, key.KeyMaterial ?? '', { mode: 0o600 });
    groupId = (await ec2.send(new CreateSecurityGroupCommand({ GroupName: 'e2e', Description: 'e2e' }))).GroupId ?? '';
    const ssh22 = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
    await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: groupId, IpPermissions: [ssh22] }));
    const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ['136693071363'] }));
    baseImage =
      Images?.toSorted((a, b) => (a.CreationDate ?? '').localeCompare(b.CreationDate ?? '')).at(-1)?.ImageId ?? '';
  });
  afterAll(async () => {
    ec2?.destroy();
    for (const child of children) child.kill('SIGKILL');
    await lab('down');
    const left = await leftovers(stateFolder, up.netns);
    await rm(stateFolder, { recursive: true, force: true });
    expect(left).toEqual([]);
  });

  test('says where it is when it is up already', async () => {
    expect(await bringUp()).toMatchObject({ endpoint: up.endpoint, pid: up.pid, started: false });
    const status = await lab('status', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({ state: 'up', endpoint: up.endpoint, instances: [] });
  });

  test('runs, filters, stops, starts, reboots and images a machine', async () => {
    const machine = await run(baseImage);
    expect(await ssh(machine.address, 'sudo cloud-init status --wait >/dev/null; cat /etc/from-user-data')).toBe(
      'hello',
    );
    expect(await ssh(machine.address, "df --output=size -BG / | tail -1 | tr -d ' G'")).toMatch(/^1[12]$/);

    // Packages and repositories come from the lab, and nothing comes from anywhere else.
    expect(await ssh(machine.address, 'curl -sf http://10.78.0.1/debian/dists/bookworm/InRelease | head -1')).toContain(
      'PGP SIGNED',
    );
    expect(await ssh(machine.address, 'curl -s -o /dev/null -w %{http_code} http://10.78.0.1:8080/_lab/status')).toBe(
      '403',
    );
    await mkdir(join(stateFolder, 'lab', 'git', 'dropped.git'), { recursive: true });
    await execa('git', ['init', '-q', '--bare', join(stateFolder, 'lab', 'git', 'dropped.git')]);
    expect(await ssh(machine.address, 'curl -sf http://10.78.0.1/git/dropped.git/HEAD')).toContain('ref:');

    // The packet filter: closed, open at once, closed again.
    await ssh(machine.address, 'nohup python3 -m http.server 8000 >/dev/null 2>&1 & sleep 0.5');
    expect(await accepts(machine.address, 8000)).toBe(false);
    const rule = {
      GroupId: groupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 8000, ToPort: 8000, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    };
    await ec2.send(new AuthorizeSecurityGroupIngressCommand(rule));
    expect(await accepts(machine.address, 8000)).toBe(true);
    await ec2.send(new RevokeSecurityGroupIngressCommand(rule));
    expect(await accepts(machine.address, 8000)).toBe(false);

    const boot = await ssh(
      machine.address,
      'cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic --value',
    );
    await ec2.send(new RebootInstancesCommand({ InstanceIds: [machine.id] }));
    await expect
      .poll(
        () =>
          ssh(
            machine.address,
            'cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic --value',
          ).catch(() => boot),
        { timeout: 60_000 },
      )
      .not.toBe(boot);

    await ssh(machine.address, 'echo kept | sudo tee /etc/kept >/dev/null; sync');
    await ec2.send(new StopInstancesCommand({ InstanceIds: [machine.id] }));
    await waitUntilInstanceStopped(waiting(), { InstanceIds: [machine.id] });
    expect(await accepts(machine.address, 22)).toBe(false);
    const tags = [{ ResourceType: 'image' as const, Tags: [{ Key: 'e2e', Value: 'yes' }] }];
    imageId =
      (await ec2.send(new CreateImageCommand({ InstanceId: machine.id, Name: 'e2e', TagSpecifications: tags })))
        .ImageId ?? '';
    await waitUntilImageAvailable(waiting(), { ImageIds: [imageId] });
    await ec2.send(new StartInstancesCommand({ InstanceIds: [machine.id] }));
    await waitUntilInstanceRunning(waiting(), { InstanceIds: [machine.id] });
    expect(await ssh((await describeOne(machine.id))?.PublicIpAddress ?? '', 'cat /etc/kept')).toBe('kept');

    const copy = await run(imageId);
    expect(await ssh(copy.address, 'cat /etc/kept; hostname')).toBe(`kept\nip-${copy.address.replaceAll('.', '-')}`);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine.id, copy.id] }));
    await waitUntilInstanceTerminated(waiting(), { InstanceIds: [machine.id, copy.id] });
    expect((await ec2.send(new DescribeVolumesCommand({}))).Volumes).toEqual([]);
  });

  test('shows a machine the disk of an image from outside, and its own, until it ends', async () => {
    const disks = join(stateFolder, 'lab', 'disks');
    const before = await readdir(disks);
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [baseImage] }));
    const SnapshotId = Images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    const Ebs = { SnapshotId, DeleteOnTermination: true, VolumeType: 'gp3' } as const;
    const machine = await run(baseImage, [{ DeviceName: '/dev/sdf', Ebs }]);

    const superblock = 'sudo dd if=/dev/xvdf bs=1024 skip=1 count=1 status=none';
    expect(await ssh(machine.address, `sudo blkid -p -o value -s TYPE /dev/xvdf; ${superblock} | sha256sum`)).toBe(
      `ext4\n${await superblockDigest(join(disks, before.find((name) => name.startsWith('snap-base-')) ?? ''))}  -`,
    );
    expect(await ssh(machine.address, 'lsblk -n -o MOUNTPOINT /dev/xvdf; cat /dev/xvdf 2>&1 || true')).toBe(
      '\ncat: /dev/xvdf: Permission denied',
    );
    const own = `awk '$5 == "/" { sub(/.* - [^ ]* /, ""); print $1 }' /proc/self/mountinfo`;
    const raw = `sudo debugfs -R 'cat /etc/own' "$(${own})" 2>/dev/null`;
    expect(await ssh(machine.address, `echo mine | sudo tee /etc/own >/dev/null; sync; ${raw}`)).toBe('mine');

    await ssh(machine.address, 'printf written | sudo dd of=/dev/xvdf conv=fsync,notrunc status=none');
    await ec2.send(new StopInstancesCommand({ InstanceIds: [machine.id] }));
    await waitUntilInstanceStopped(waiting(), { InstanceIds: [machine.id] });
    expect(await leftovers(stateFolder, up.netns)).not.toContainEqual(expect.stringMatching(/^loop:/));
    await ec2.send(new StartInstancesCommand({ InstanceIds: [machine.id] }));
    await waitUntilInstanceRunning(waiting(), { InstanceIds: [machine.id] });
    expect(await ssh(machine.address, 'sudo head -c 7 /dev/xvdf')).toBe('written');

    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine.id] }));
    await waitUntilInstanceTerminated(waiting(), { InstanceIds: [machine.id] });
    expect((await ec2.send(new DescribeVolumesCommand({}))).Volumes).toEqual([]);
    await expect.poll(() => readdir(disks)).toEqual(before);
    expect(await leftovers(stateFolder, up.netns)).not.toContainEqual(expect.stringMatching(/^loop:/));
  });

  test('ends an instance that is powered off from inside', async () => {
    const machine = await run(imageId);
    await ssh(machine.address, 'true');
    // The connection ends with the machine, so this one never succeeds: it is tried once.
    await ssh(machine.address, 'sudo systemctl poweroff', 0).catch(() => {});
    await waitUntilInstanceStopped(waiting(), { InstanceIds: [machine.id] });
    expect((await describeOne(machine.id))?.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown');
  });

  test('sweeps after kill -9 of its daemon, and remembers its images', async () => {
    const machine = await run(imageId);
    process.kill(up.pid, 'SIGKILL');
    await expect
      .poll(async () => (JSON.parse((await lab('status', '--json')).stdout) as { state: string }).state)
      .toBe('broken');
    const before = up.pid;
    up = await bringUp();
    expect(up.pid).not.toBe(before);
    const { Images } = await ec2.send(new DescribeImagesCommand({ Filters: [{ Name: 'tag:e2e', Values: ['yes'] }] }));
    expect(Images?.map(({ ImageId, State }) => [ImageId, State])).toEqual([[imageId, 'available']]);
    expect((await describeOne(machine.id))?.State?.Name).toBe('terminated');
    const again = await run(imageId);
    expect(await ssh(again.address, 'cat /etc/kept')).toBe('kept');
  });

  test('leaves nothing after down with a machine running, nor after kill -9 and down', async () => {
    await lab('down');
    expect(await leftovers(stateFolder, up.netns)).toEqual([]);
    up = await bringUp();
    await run(imageId);
    process.kill(up.pid, 'SIGKILL');
    const result = await lab('down', '--json');
    expect(result.exitCode).toBe(0);
    expect(await leftovers(stateFolder, up.netns)).toEqual([]);
    expect(JSON.parse((await lab('status', '--json')).stdout)).toEqual({ state: 'down' });
  });

  test('goes down when moto does', async () => {
    up = await bringUp();
    const processes = JSON.parse(await readFile(join(stateFolder, 'lab', 'run', 'processes.json'), 'utf8')) as {
      what: string;
      pid: number;
    }[];
    process.kill(processes.find(({ what }) => what === 'moto')?.pid ?? 0, 'SIGKILL');
    await expect
      .poll(async () => (JSON.parse((await lab('status', '--json')).stdout) as { state: string }).state, {
        timeout: 20_000,
      })
      .toBe('down');
    expect(await leftovers(stateFolder, up.netns)).toEqual([]);
  });

  test('goes down by itself when its owner is gone', async () => {
    const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
    children.push(owner);
    up = await bringUp('--owner-pid', String(owner.pid));
    await run(imageId);
    owner.kill('SIGKILL');
    await expect
      .poll(async () => (JSON.parse((await lab('status', '--json')).stdout) as { state: string }).state, {
        timeout: 30_000,
      })
      .toBe('down');
    expect(await leftovers(stateFolder, up.netns)).toEqual([]);
  });

  test('shows a machine its tags, and stays up for it, running or stopped, until it is terminated', async () => {
    const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
    children.push(owner);
    up = await bringUp('--owner-pid', String(owner.pid));
    const machine = await run(imageId);
    const stayFor = (instanceId: string) =>
      fetch(`${up.endpoint}/_lab/owners`, { method: 'POST', body: JSON.stringify({ instanceId }) });
    const status = async () =>
      JSON.parse((await lab('status', '--json')).stdout) as { state: string; staysFor?: string[] };
    expect((await stayFor('i-0123456789abcdef0')).status).toBe(404);
    expect((await stayFor(machine.id)).status).toBe(200);

    const read = (path: string) =>
      ssh(
        machine.address,
        'imds=http://169.254.169.254/latest; ' +
          `token=$(curl -s -X PUT $imds/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'); ` +
          `curl -s -w ' %{http_code}' -H "X-aws-ec2-metadata-token: $token" $imds/meta-data/${path}`,
      );
    expect(await read('tags/instance/ecs-host:expires')).toMatch(/404$/);
    const tag = { Key: 'ecs-host:expires', Value: '2026-11-26T22:00:00Z' };
    await ec2.send(
      new ModifyInstanceMetadataOptionsCommand({ InstanceId: machine.id, InstanceMetadataTags: 'enabled' }),
    );
    await ec2.send(new CreateTagsCommand({ Resources: [machine.id], Tags: [tag] }));
    expect(await read('tags/instance/ecs-host:expires')).toBe(`${tag.Value} 200`);

    owner.kill('SIGKILL');
    await ec2.send(new StopInstancesCommand({ InstanceIds: [machine.id] }));
    await waitUntilInstanceStopped(waiting(), { InstanceIds: [machine.id] });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await status()).toMatchObject({ state: 'up', staysFor: [machine.id] });
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine.id] }));
    await expect.poll(async () => (await status()).state, { timeout: 30_000 }).toBe('down');
    expect(await leftovers(stateFolder, up.netns)).toEqual([]);
  });
});
