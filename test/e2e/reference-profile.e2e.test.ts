import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelOf } from '../../lab/parts/kernel/release.ts';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { changedImage, failedIds, GPU_HOST } from './changed-image.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { proveGpuImage } from './proved-gpu-image.ts';
import { FRESH_MS } from './proved-image.ts';
import { cli, events } from './support.ts';

/** The profile that the project is for, as hosts.yaml has it, over stand-ins of the lab: whole, and with defects. */
const PROFILE = 'g3s-focal';
const { release } = kernelOf('focal');

let lab: LabHandle;
let image: ImageRecord;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

test(
  'is baked and proved, and says what of it is simulated',
  async () => {
    image = await proveGpuImage(lab, PROFILE);
  },
  FRESH_MS,
);

/** What a careless change does to the driver, and to what keeps it. */
const DEFECTS = `
apt-mark showhold | xargs apt-mark unhold >/dev/null
nvidia-ctk config --config-file /etc/nvidia-container-runtime/config.toml --in-place \\
  --set nvidia-container-runtime.mode=cdi
install -d /etc/cdi && echo '{}' >/etc/cdi/nvidia.yaml
rm /etc/systemd/system/ecs.service.d/30-ecs-host-nvidia.conf
sed -i '/^Package: nvidia-container-toolkit$/,/^Version:/s/^Version: .*/Version: 1.17.0-1/' /var/lib/dpkg/status
module=$(find /lib/modules/${release} -name 'nvidia.ko*')
install -d /lib/modules/5.15.0-1-aws && mv "$module" /lib/modules/5.15.0-1-aws/ && depmod ${release}`;
const NAMED = [
  ...['booted.nvidia.held', 'booted.nvidia.runtime', 'booted.nvidia.no-baked-devices'],
  ...['booted.nvidia.agent-after-devices', 'booted.nvidia.toolkit', 'booted.nvidia.driver'],
] as const;

test('with defects of its driver it is refused, and each is named by its check', async () => {
  const { imageId } = image;
  const defective = await changedImage(lab, { name: 'defects', before: '', after: DEFECTS, imageId, ...GPU_HOST });
  const run = await cli(['smoke', defective, '--profile', PROFILE, '--only', 'verify', '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(4);
  expect(failedIds(events(run)), run.all).toEqual(expect.arrayContaining([...NAMED]));
});
