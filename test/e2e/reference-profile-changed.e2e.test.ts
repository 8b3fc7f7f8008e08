import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelOf } from '../../lab/parts/kernel/release.ts';
import { harmlessToKernels } from './alterations.ts';
import { bakeImage } from './booted-host.ts';
import { type Change, changedImage, failedIds, GPU_HOST } from './changed-image.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { order } from './nights.ts';
import { cli, events } from './support.ts';

/** Images of the profile that the project is for, changed: by time, by a mistake, and on a machine with another GPU. */
const PROFILE = 'g3s-focal';
const { release } = kernelOf('focal');

let lab: LabHandle;
let goodImageId: string;

beforeAll(async () => {
  lab = await startLabForTests();
  ({ imageId: goodImageId } = await bakeImage(lab, ['--profile', PROFILE]));
});
afterAll(async () => {
  await lab?.down();
});

const OF_NOUVEAU = `rm /etc/modprobe.d/ecs-host-nvidia.conf && update-initramfs -u -k ${release}`;

function altered(how: Pick<Change, 'name' | 'before' | 'after'>): Promise<string> {
  return changedImage(lab, { ...how, imageId: goodImageId, ...GPU_HOST });
}

test.concurrent('another kernel, and an initramfs that was built again, are no defects', async ({ expect }) => {
  const before = harmlessToKernels(release).join('\n');
  const imageId = await altered({ name: 'other-kernel', before, after: '' });
  const run = await cli(['smoke', imageId, '--profile', PROFILE, '--only', 'audit', '--json'], lab.environment);
  expect(failedIds(events(run)), run.all).toEqual([]);
  expect(run.exitCode, run.all).toBe(0);
});

test.concurrent('a driver that finds nouveau on its device is named', async ({ expect }) => {
  const imageId = await altered({ name: 'nouveau', before: '', after: OF_NOUVEAU });
  const args = ['smoke', imageId, '--profile', PROFILE, '--only', 'verify', '--json'];
  const run = await cli(args, lab.environment);
  expect(run.exitCode, run.all).toBe(4);
  expect(failedIds(events(run)), run.all).toContain('booted.nvidia.device');
});

test('a machine with another GPU than its type has is named by gpu.model', async () => {
  const other = { fault: 'other-model', instanceType: 'g3s.xlarge', launches: 2, model: 'T4' };
  await order(lab, 'POST', 'gpus', other);
  const args = ['smoke', goodImageId, '--profile', PROFILE, '--only', 'gate,workload', '--json'];
  const run = await cli(args, lab.environment);
  await order(lab, 'DELETE', 'gpus');
  expect(run.exitCode, run.all).toBe(4);
  expect(failedIds(events(run))).toContain('gpu.model');
  expect(await awsLeftovers(lab)).toEqual([]);
});
