import { expect } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import type { LabHandle } from './lab-handle.ts';
import { correctIds, proveImage } from './proved-image.ts';

/** What stands in for something, where nothing official can be reached. */
const STAND_INS = [
  'aws-cli',
  'base image',
  'container base layers',
  'docker',
  'ecs-agent',
  'kernel',
  'nvidia-container-toolkit',
  'nvidia-driver',
  'ubuntu packages',
];

/** What cannot be looked at in the lab, whatever the lab would simulate; each is a line in the closing text as well. */
const MAY_BE_SKIPPED = [
  /^not settable in this machine$/,
  /^the bake looked;/,
  /driver is the one for servers, which needs none$/,
  /^the GPU is simulated/,
];

/** `ami` for a profile with a GPU, over stand-ins: all of its GPU was looked at, and what is simulated is said. */
export async function proveGpuImage(lab: LabHandle, profile: string): Promise<ImageRecord> {
  const image = await proveImage(lab, profile);
  expect(image.substitutions.map(({ component }) => component).sort()).toEqual(STAND_INS);
  const skipped = (image.smoke?.checks ?? []).filter(({ verdict }) => verdict === 'skipped');
  expect(skipped.filter(({ reason = '' }) => !MAY_BE_SKIPPED.some((each) => each.test(reason)))).toEqual([]);
  expect(correctIds(image)).toEqual(
    expect.arrayContaining([
      ...['gpu.driver', 'gpu.model', 'gpu.container', 'gpu.gpus-all', 'gpu.cdi', 'gpu.after-reload'],
      ...['gpu.after-restart', 'cluster.gpu-registered', 'tasks.gpu', 'booted.nvidia.device'],
    ]),
  );
  return image;
}
