import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { GpuFault } from '../../../lab/machine-types.ts';
import { deviceFiles, factsOf, gpuDevices, putDevices } from '../../../lab/machines/gpus.ts';
import { nvidiaDevices } from '../../../provisioners/lib/gpus.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';

const folder = sharedTempFolder();
const M60 = { name: 'M60', count: 1, memoryMiB: 8192 };

function fault(name: GpuFault['fault'], more: Partial<GpuFault> = {}): GpuFault {
  return { fault: name, slot: null, model: null, ...more };
}

test('a type with one GPU has it where EC2 has it, the same for an instance whenever it starts', () => {
  const [gpu, ...others] = gpuDevices('i-1', [M60], []);
  expect(others).toEqual([]);
  expect(gpu).toMatchObject({ address: '0000:00:1e.0', memoryMiB: 8192, state: 'ok' });
  expect(gpu?.uuid).toMatch(/^GPU-[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
  expect(gpuDevices('i-1', [M60], [])).toEqual([gpu]);
  expect(gpuDevices('i-2', [M60], [])[0]?.uuid).not.toBe(gpu?.uuid);
});

test('several GPUs end at the same address, each its own', () => {
  const gpus = gpuDevices('i-1', [{ name: 'T4', count: 4, memoryMiB: 16384 }], []);
  expect(gpus.map(({ address }) => address)).toEqual(['0000:00:1b.0', '0000:00:1c.0', '0000:00:1d.0', '0000:00:1e.0']);
  expect(new Set(gpus.map(({ uuid }) => uuid)).size).toBe(4);
});

test.each([
  ['M60', '0x13f2', 'Tesla M60'],
  ['T4', '0x1eb8', 'Tesla T4'],
  ['A10G', '0x2237', 'NVIDIA A10G'],
  ['L4', '0x27b8', 'NVIDIA L4'],
])('%s is %s to sysfs and %s to programs', (name, device, product) => {
  const [gpu] = gpuDevices('i-1', [{ ...M60, name }], []);
  if (gpu === undefined) throw new Error('no GPU');
  const files = deviceFiles(gpu);
  expect(files).toMatchObject({ vendor: '0x10de\n', device: `${device}\n`, class: '0x030200\n' });
  const config = files['config'] as Buffer;
  expect([config.readUInt16LE(0), config.readUInt16LE(2), config.readUInt32LE(8)]).toEqual([
    0x10de,
    Number(device),
    0x030200a1,
  ]);
  expect(factsOf(gpu)).toContain(`name=${product}\n`);
});

test('what the lab has no model of, and a part of a GPU, is refused', () => {
  expect(() => gpuDevices('i-1', [{ ...M60, name: 'B300' }], [])).toThrow('the lab has no B300');
  expect(() => gpuDevices('i-1', [{ ...M60, name: 'L4', count: 0 }], [])).toThrow('a part of one');
});

test('faults: gone, fallen off, another driver or model, one more, for one GPU or all', () => {
  const two = [{ ...M60, count: 2 }];
  const of = (...faults: GpuFault[]) => gpuDevices('i-1', two, faults);
  expect(of(fault('no-device', { slot: 0 })).map(({ address }) => address)).toEqual(['0000:00:1e.0']);
  expect(of(fault('no-device'))).toEqual([]);
  expect(of(fault('fell-off-bus', { slot: 1 })).map(({ state }) => state)).toEqual(['ok', 'fell-off-bus']);
  expect(of(fault('second-gpu')).map(({ address }) => address)).toEqual([
    '0000:00:1d.0',
    '0000:00:1e.0',
    '0000:00:1f.0',
  ]);
  const [first] = of(fault('other-model', { model: 'T4' }), fault('wrong-driver'), fault('persistence-off'));
  if (first === undefined) throw new Error('no GPU');
  expect(factsOf(first).split('\n')).toEqual(
    expect.arrayContaining(['name=Tesla T4', 'device=0x1eb8', 'driver=390.157', 'persistence=refused']),
  );
  expect(() => of(fault('no-device', { slot: 2 }))).toThrow('has GPUs 0 to 1');
  expect(() => gpuDevices('i-1', [], [fault('no-device')])).toThrow('a type without a GPU');
});

test('a folder holds just the devices, and whoever has a file open sees what becomes of the GPU', async () => {
  const devices = join(folder, 'devices');
  await putDevices(devices, gpuDevices('i-1', [M60], []));
  expect(await nvidiaDevices(devices)).toEqual([0x13f2]);
  const held = await open(join(devices, '0000:00:1e.0', 'lab_gpu'));
  try {
    await putDevices(devices, gpuDevices('i-1', [M60], [fault('fell-off-bus')]));
    expect((await held.read({ position: 0 })).buffer.toString()).toContain('state=fell-off-bus');
    expect(await readFile(join(devices, '0000:00:1e.0', 'revision'), 'utf8')).toBe('0xff\n');
    await putDevices(devices, gpuDevices('i-1', [M60], [fault('no-device')]));
    expect(await readdir(devices)).toEqual([]);
    const { bytesRead, buffer } = await held.read({ position: 0 });
    expect(buffer.toString('utf8', 0, bytesRead)).toBe('state=fell-off-bus\n');
  } finally {
    await held.close();
  }
});
