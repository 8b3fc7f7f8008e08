import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeInstancesCommand, GetConsoleOutputCommand, type Instance } from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { findProgram } from '../../src/io/programs.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { type BootedHost, bootHost } from './booted-host.ts';
import type { LabHandle } from './lab-handle.ts';
import { cli } from './support.ts';

export const QEMU = 'qemu-system-x86_64';
/** Where processors are emulated, and other tests use the real ones, too. */
export const PATIENT_MS = 300_000;
/** Why there is nothing to be tested here. */
export const MISSING = (await findProgram(QEMU)) === null ? `there is no ${QEMU} on this machine` : null;

export type Baked = { readonly lab: LabHandle; readonly image: Pick<ImageRecord, 'imageId' | 'planDigest'> };

/** The plan of the image in a region whose machines have kernels of their own: the same image. */
async function planOfOwnKernel({ lab, image }: Baked): Promise<BuildPlan> {
  const config = await lab.configWith((text) => text.replace(/( {4}lab: true\n)/, '$1    machine: qemu\n'));
  const folder = await lab.newFolder();
  const planned = await cli(['plan', '--config', config, '--out', folder], lab.environment);
  expect(planned.exitCode, planned.all).toBe(0);
  const plan = JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as BuildPlan;
  expect(plan.digest).toBe(image.planDigest);
  return plan;
}

/** A host of an image that was baked on this machine's kernel, on one of its own. */
export async function bootOwnKernel({ lab, image }: Baked): Promise<BootedHost> {
  const plan = await planOfOwnKernel({ lab, image });
  return bootHost(lab, { imageId: image.imageId, plan }, { patienceMs: PATIENT_MS });
}

export async function instanceOf({ clients }: BootedHost, id: string): Promise<Instance | undefined> {
  const { Reservations } = await clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0];
}

export async function consoleText({ clients }: BootedHost, InstanceId: string): Promise<string> {
  const { Output = '' } = await clients.ec2.send(new GetConsoleOutputCommand({ InstanceId }));
  return Buffer.from(Output, 'base64').toString();
}
