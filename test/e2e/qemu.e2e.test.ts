import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  GetConsoleOutputCommand,
  RebootInstancesCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { terminateAndWait } from '../../src/aws/instances.ts';
import { findProgram } from '../../src/io/programs.ts';
import { type BootedHost, bakeImage, bootHost } from './booted-host.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';

const QEMU = 'qemu-system-x86_64';
const DOWN = 'inactive inactive inactive inactive';
const UP = 'active active active active';
/** Where processors are emulated, and other tests use the real ones, too. */
const PATIENT_MS = 300_000;

const isHere = (await findProgram(QEMU)) !== null;

/**
 * The image that was baked on this machine's kernel boots on one of its own: what keeps the gate shut has nothing in
 * common with the machine outside.
 */
describe('an image with a kernel of its own', () => {
  let lab: LabHandle;
  let host: BootedHost;

  beforeAll(async () => {
    if (!isHere) return;
    lab = await startLabForTests();
    const config = await lab.configWith((text) => text.replace(/( {4}lab: true\n)/, '$1    machine: qemu\n'));
    host = await bootHost(lab, await bakeImage(lab, ['--config', config]), { patienceMs: PATIENT_MS });
  }, 3 * PATIENT_MS);
  afterAll(async () => {
    try {
      await host?.[Symbol.asyncDispose]();
      if (lab) expect(await awsLeftovers(lab)).toEqual([]);
    } finally {
      await lab?.down();
    }
  }, PATIENT_MS);

  beforeEach(({ skip }) => skip(!isHere, `there is no ${QEMU} on this machine`));

  const run = (command: string): Promise<string> => host.run(command);
  const instance = async (id: string) => {
    const { Reservations } = await host.clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    return Reservations?.[0]?.Instances?.[0];
  };
  const state = async (): Promise<string | undefined> => (await instance(host.instanceId))?.State?.Name;
  const consoleText = async (InstanceId = host.instanceId): Promise<string> => {
    const { Output = '' } = await host.clients.ec2.send(new GetConsoleOutputCommand({ InstanceId }));
    return Buffer.from(Output, 'base64').toString();
  };
  const expectShut = async (): Promise<void> => {
    expect((await host.units()).replaceAll('failed', 'inactive')).toBe(DOWN);
  };

  test('shares nothing with the machine outside, and cloud-init knows EC2', async () => {
    expect(await run('uname -r')).toMatch(/-cloud-amd64$/);
    expect(await run('systemd-detect-virt --vm; systemd-detect-virt --container || true')).toMatch(/\nnone$/);
    expect(await run('stat -f -c %T /sys/fs/cgroup')).toBe('cgroup2fs');
    expect(await run('findmnt -n -o FSTYPE,SOURCE /')).toMatch(/^ext4 +\/dev\/nvme\dn1$/);
    expect(await run('cloud-init status --wait')).toContain('done');
    expect(await run('cat /run/cloud-init/instance-data.json')).toContain('"cloud_name": "aws"');
    expect(await consoleText()).toMatch(/SYSLINUX[\s\S]*Loading \/vmlinuz[\s\S]*Linux version[\s\S]*lab: init starts/);
  });

  test('boots with its gate shut, and it stays shut', async () => {
    await host.reach('handshake');
    await expectShut();
    const { exitCode, output } = await host.try('sudo systemctl start docker.service ecs.service');
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/[Aa]ssertion|dependency job/);
    await expectShut();
  });

  test('is granted: Docker and the agent come up, and containers have limits', async () => {
    host.decide({ kind: 'grant' });
    await host.reach('serving');
    expect(await host.units()).toBe(UP);
    // As little as a container can be made of.
    await run(
      `tar -ch /bin/cat $(ldd /bin/cat | grep -o '/[^ ]*') 2>/dev/null | sudo docker import - lab/cat >/dev/null`,
    );
    const limit = 'sudo docker run --rm --network none --memory 64m lab/cat /bin/cat /sys/fs/cgroup/memory.max';
    expect(await run(limit)).toBe(String(64 * 1024 ** 2));
  });

  test('reboots when the API asks for it: firmware, boot loader and kernel begin anew', async () => {
    await host.clients.ec2.send(new RebootInstancesCommand({ InstanceIds: [host.instanceId] }));
    await expect
      .poll(() => consoleText(), { timeout: PATIENT_MS, interval: 1000 })
      .toMatch(/reboot: Restarting system[\s\S]*SYSLINUX[\s\S]*lab: init starts/);
    expect(await state()).toBe('running');
  });

  test('is a stopped instance when its QEMU is killed', async () => {
    await execa('pkill', ['-KILL', '--full', `${QEMU} -name ecs-host-lab-.*${host.instanceId}`]);
    await expect.poll(state, { timeout: PATIENT_MS, interval: 200 }).toBe('stopped');
  });

  test('has a second volume as an NVMe disk, known by the number of the volume', async () => {
    const { ec2 } = host.clients;
    const ImageId = (await instance(host.instanceId))?.ImageId ?? '';
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    const SnapshotId = Images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    // Nobody has to get in: the console has it.
    const look = 'for disk in $(lsblk -d -n -o PATH); do echo "disk $(lsblk -d -n -o SERIAL,MOUNTPOINT $disk)."; done';
    const userData = `#cloud-config\n${JSON.stringify({ bootcmd: [`(${look}) >/dev/console`] })}\n`;
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ...{ ImageId, InstanceType: 't3.large', MinCount: 1, MaxCount: 1 },
        UserData: Buffer.from(userData).toString('base64'),
        BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { SnapshotId } }],
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'ecs-host:machine', Value: 'qemu' }] }],
      }),
    );
    const id = Instances?.[0]?.InstanceId ?? '';
    try {
      const [root = '', data = ''] = ((await instance(id))?.BlockDeviceMappings ?? []).map(({ Ebs }) =>
        (Ebs?.VolumeId ?? '').replace('-', ''),
      );
      for (const line of [`disk ${root} +/\\.`, `disk ${data} *\\.`])
        await expect.poll(() => consoleText(id), { timeout: PATIENT_MS, interval: 1000 }).toMatch(new RegExp(line));
    } finally {
      await terminateAndWait(host.clients, [id]);
    }
  });
});
