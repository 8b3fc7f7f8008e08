import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { harmlessToKernels } from './alterations.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { order } from './nights.ts';
import { failedIds, type Sabotage, sabotagedImage } from './sabotaged-image.ts';
import { cli, events } from './support.ts';

/** The profile that the project is for, as hosts.yaml has it, over stand-ins of the lab: whole, and with defects. */
const PROFILE = 'g3s-focal';
const KERNEL = '5.15.0-1084-aws';

let lab: LabHandle;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

/** On a machine that is fresh the lab builds a base image, and its parts from their sources. */
const FRESH_MS = 1_500_000;

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

test(
  'is baked and proved, and says what of it is simulated',
  async () => {
    const run = await cli(['ami', '--profile', PROFILE, '--json'], lab.environment);
    expect(run.exitCode, run.all).toBe(0);
    const result = events(run).at(-1) ?? {};
    lab.goodImageId = String(result['imageId']);
    const record = JSON.parse(await readFile(String(result['record']), 'utf8')) as ImageRecord;
    expect(record.substitutions.map(({ component }) => component).sort()).toEqual(STAND_INS);
    const checks = record.smoke?.checks ?? [];
    const skipped = checks.filter(({ verdict }) => verdict === 'skipped');
    expect(skipped.filter(({ reason = '' }) => !MAY_BE_SKIPPED.some((each) => each.test(reason)))).toEqual([]);
    const correct = checks.filter(({ verdict }) => verdict === 'correct').map(({ id }) => id);
    expect(correct).toEqual(
      expect.arrayContaining([
        ...['gpu.driver', 'gpu.model', 'gpu.container', 'gpu.gpus-all', 'gpu.cdi', 'gpu.after-reload'],
        ...['gpu.after-restart', 'cluster.gpu-registered', 'tasks.gpu', 'booted.nvidia.device'],
      ]),
    );
    expect(await awsLeftovers(lab)).toEqual([]);
  },
  FRESH_MS,
);

type Defects = { readonly name: string; readonly after: string; readonly checks: readonly string[] };

const DEFECTS: readonly Defects[] = [
  {
    name: 'gpu-without-device',
    after: `
apt-mark showhold | xargs apt-mark unhold >/dev/null
nvidia-ctk config --config-file /etc/nvidia-container-runtime/config.toml --in-place \\
  --set nvidia-container-runtime.mode=cdi
install -d /etc/cdi && echo '{}' >/etc/cdi/nvidia.yaml
rm /etc/systemd/system/ecs.service.d/30-ecs-host-nvidia.conf
sed -i '/^Package: nvidia-container-toolkit$/,/^Version:/s/^Version: .*/Version: 1.17.0-1/' /var/lib/dpkg/status
module=$(find /lib/modules/${KERNEL} -name 'nvidia.ko*')
install -d /lib/modules/5.15.0-1-aws && mv "$module" /lib/modules/5.15.0-1-aws/ && depmod ${KERNEL}`,
    checks: [
      ...['booted.nvidia.held', 'booted.nvidia.runtime', 'booted.nvidia.no-baked-devices'],
      ...['booted.nvidia.agent-after-devices', 'booted.nvidia.toolkit', 'booted.nvidia.driver'],
    ],
  },
  {
    name: 'gpu-of-nouveau',
    after: `rm /etc/modprobe.d/ecs-host-nvidia.conf && update-initramfs -u -k ${KERNEL}`,
    checks: ['booted.nvidia.device'],
  },
];

function altered(how: Pick<Sabotage, 'name' | 'before' | 'after'>): Promise<string> {
  const imageId = lab.goodImageId ?? '';
  return sabotagedImage(lab, { ...how, imageId, instanceType: 'g3s.xlarge', user: 'ubuntu' });
}

describe('an image with defects', () => {
  test.concurrent('of nobody’s is none: another kernel, and an initramfs that was built again', async ({ expect }) => {
    const before = harmlessToKernels(KERNEL).join('\n');
    const imageId = await altered({ name: 'other-kernel', before, after: '' });
    const run = await cli(['smoke', imageId, '--profile', PROFILE, '--only', 'audit', '--json'], lab.environment);
    expect(failedIds(events(run)), run.all).toEqual([]);
    expect(run.exitCode, run.all).toBe(0);
  });

  test.concurrent.for(DEFECTS)('$name is named by $checks', async ({ name, after, checks }, { expect }) => {
    const imageId = await altered({ name, before: '', after });
    const args = ['smoke', imageId, '--profile', PROFILE, '--only', 'verify', '--json'];
    const run = await cli(args, lab.environment);
    expect(run.exitCode, run.all).toBe(4);
    expect(failedIds(events(run)), run.all).toEqual(expect.arrayContaining([...checks]));
  });

  test('a machine with another GPU than its type has is named by gpu.model', async () => {
    const other = { fault: 'other-model', instanceType: 'g3s.xlarge', launches: 2, model: 'T4' };
    await order(lab, 'POST', 'gpus', other);
    const args = ['smoke', lab.goodImageId ?? '', '--profile', PROFILE, '--only', 'gate,workload', '--json'];
    const run = await cli(args, lab.environment);
    await order(lab, 'DELETE', 'gpus');
    expect(run.exitCode, run.all).toBe(4);
    expect(failedIds(events(run))).toContain('gpu.model');
    expect(await awsLeftovers(lab)).toEqual([]);
  });
});
