import { DescribeImagesCommand, RebootInstancesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { terminateAndWait } from '../../src/aws/instances.ts';
import { type BootedHost, bakeImage } from './booted-host.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { bootOwnKernel, consoleText, instanceOf, MISSING, PATIENT_MS, QEMU } from './own-kernel.ts';

/** A machine that is a QEMU of its own: a reboot, an end, disks. What a host does on one, `ami` shows. */
let lab: LabHandle;
let host: BootedHost;

beforeAll(async () => {
  if (MISSING !== null) return;
  lab = await startLabForTests();
  const { imageId, plan } = await bakeImage(lab);
  host = await bootOwnKernel({ lab, image: { imageId, planDigest: plan.digest } });
}, 3 * PATIENT_MS);
afterAll(async () => {
  try {
    await host?.[Symbol.asyncDispose]();
    if (lab) expect(await awsLeftovers(lab)).toEqual([]);
  } finally {
    await lab?.down();
  }
}, PATIENT_MS);

beforeEach(({ skip }) => skip(MISSING !== null, MISSING ?? ''));

async function state(): Promise<string | undefined> {
  return (await instanceOf(host, host.instanceId))?.State?.Name;
}

test('reboots when the API asks for it: firmware, boot loader and kernel begin anew', async () => {
  await host.clients.ec2.send(new RebootInstancesCommand({ InstanceIds: [host.instanceId] }));
  await expect
    .poll(() => consoleText(host, host.instanceId), { timeout: PATIENT_MS, interval: 1000 })
    .toMatch(/reboot: Restarting system[\s\S]*SYSLINUX[\s\S]*lab: init starts/);
  expect(await state()).toBe('running');
});

test('is a stopped instance when its QEMU is killed', async () => {
  await execa('pkill', ['-KILL', '--full', `${QEMU} -name ecs-host-lab-.*${host.instanceId}`]);
  await expect.poll(state, { timeout: PATIENT_MS, interval: 200 }).toBe('stopped');
});

test('has a second volume as an NVMe disk, known by the number of the volume', async () => {
  const { ec2 } = host.clients;
  const ImageId = (await instanceOf(host, host.instanceId))?.ImageId ?? '';
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
    const [root = '', data = ''] = ((await instanceOf(host, id))?.BlockDeviceMappings ?? []).map(({ Ebs }) =>
      (Ebs?.VolumeId ?? '').replace('-', ''),
    );
    for (const line of [`disk ${root} +/\\.`, `disk ${data} *\\.`])
      await expect.poll(() => consoleText(host, id), { timeout: PATIENT_MS, interval: 1000 }).toMatch(new RegExp(line));
  } finally {
    await terminateAndWait(host.clients, [id]);
  }
});
