import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GpuFault, GpuKind } from '../machine-types.ts';

type Model = {
  /** As NVIDIA's programs call it. */
  readonly product: string;
  readonly device: number;
  readonly subsystem: number;
  readonly architecture: 'Maxwell' | 'Volta' | 'Turing' | 'Ampere' | 'Ada Lovelace' | 'Hopper';
  /** CUDA's version of what it can. */
  readonly compute: string;
};

/** By EC2's name; where a name has several, by name and memory. */
const MODELS: Readonly<Record<string, Model>> = {
  M60: { product: 'Tesla M60', device: 0x13f2, subsystem: 0x113a, architecture: 'Maxwell', compute: '5.2' },
  V100: { product: 'Tesla V100-SXM2-32GB', device: 0x1db5, subsystem: 0x1249, architecture: 'Volta', compute: '7.0' },
  T4: { product: 'Tesla T4', device: 0x1eb8, subsystem: 0x12a2, architecture: 'Turing', compute: '7.5' },
  A10G: { product: 'NVIDIA A10G', device: 0x2237, subsystem: 0x152f, architecture: 'Ampere', compute: '8.6' },
  A100: { product: 'NVIDIA A100-SXM4-40GB', device: 0x20b0, subsystem: 0x134f, architecture: 'Ampere', compute: '8.0' },
  L4: { product: 'NVIDIA L4', device: 0x27b8, subsystem: 0x16ca, architecture: 'Ada Lovelace', compute: '8.9' },
  L40S: { product: 'NVIDIA L40S', device: 0x26b9, subsystem: 0x1851, architecture: 'Ada Lovelace', compute: '8.9' },
  H100: { product: 'NVIDIA H100 80GB HBM3', device: 0x2330, subsystem: 0x16c1, architecture: 'Hopper', compute: '9.0' },
};

/** The highest address of a GPU on EC2's Xen and Nitro instances; more than one take those below it. */
const LAST_SLOT = 0x1e;
const VENDOR = 0x10de;
const REVISION = 0xa1;
const CONFIG_BYTES = 256;
/** "3D controller": a GPU with no output. */
const CLASS = 0x030200;

/** One GPU as a machine finds it. */
export type GpuDevice = {
  /** `0000:00:1e.0` */
  readonly address: string;
  readonly model: Model;
  readonly memoryMiB: number;
  readonly uuid: string;
  readonly serial: string;
  readonly state: 'ok' | 'init-failed' | 'fell-off-bus';
  readonly isWrongDriver: boolean;
  readonly isPersistenceRefused: boolean;
};

function modelOf(name: string): Model {
  const model = MODELS[name];
  if (!Object.hasOwn(MODELS, name) || model === undefined)
    throw new Error(`the lab has no ${name}: its GPUs are ${Object.keys(MODELS).join(', ')}`);
  return model;
}

/** The same for an instance and a slot, whenever it is asked for. */
function identity(instanceId: string, slot: number): { readonly uuid: string; readonly serial: string } {
  const hash = createHash('sha256').update(`${instanceId} ${slot}`).digest('hex');
  const parts = [hash.slice(0, 8), hash.slice(8, 12), hash.slice(12, 16), hash.slice(16, 20), hash.slice(20, 32)];
  return {
    uuid: `GPU-${parts.join('-')}`,
    serial: `1${BigInt(`0x${hash.slice(32, 44)}`) % 10n ** 12n}`.padEnd(13, '0'),
  };
}

/**
 * Pure: the GPUs of a machine with what is wrong with them, by address.
 *
 * @throws Error when the lab has no GPU of that kind, or a fault names one that is not there
 */
export function gpuDevices(
  instanceId: string,
  kinds: readonly GpuKind[],
  faults: readonly GpuFault[],
): readonly GpuDevice[] {
  if (kinds.some(({ count }) => count === 0)) throw new Error('the lab has whole GPUs, and this type a part of one');
  const each = kinds.flatMap((kind) => Array.from({ length: kind.count }, () => kind));
  const [first] = each;
  for (const { slot } of faults)
    if (slot !== null && slot >= each.length)
      throw new Error(`slot ${slot}: ${instanceId} has GPUs 0 to ${each.length - 1}`);
  if (first === undefined) {
    if (faults.length > 0) throw new Error(`${instanceId} is of a type without a GPU`);
    return [];
  }
  const isOrdered = (slot: number, fault: GpuFault['fault']): boolean =>
    faults.some((one) => one.fault === fault && (one.slot === null || one.slot === slot));
  const device = ({ name, memoryMiB }: GpuKind, slot: number, at: number): GpuDevice => {
    const other = faults.findLast((one) => one.model !== null && (one.slot === null || one.slot === slot))?.model;
    return {
      address: `0000:00:${at.toString(16)}.0`,
      model: modelOf(other ?? name),
      memoryMiB,
      ...identity(instanceId, slot),
      state: isOrdered(slot, 'fell-off-bus') ? 'fell-off-bus' : isOrdered(slot, 'init-failed') ? 'init-failed' : 'ok',
      isWrongDriver: isOrdered(slot, 'wrong-driver'),
      isPersistenceRefused: isOrdered(slot, 'persistence-off'),
    };
  };
  const devices = each.map((kind, slot) => device(kind, slot, LAST_SLOT - each.length + 1 + slot));
  const hasMore = faults.some(({ fault }) => fault === 'second-gpu');
  const more = hasMore ? [device(first, each.length, LAST_SLOT + 1)] : [];
  return [...devices.filter((_, slot) => !isOrdered(slot, 'no-device')), ...more];
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** What `lspci` and libraries read of the device itself; all ones when it does not answer any more. */
function configSpace({ model, state }: GpuDevice): Buffer {
  if (state === 'fell-off-bus') return Buffer.alloc(CONFIG_BYTES, 0xff);
  const bytes = Buffer.alloc(CONFIG_BYTES);
  bytes.writeUInt16LE(VENDOR, 0);
  bytes.writeUInt16LE(model.device, 2);
  bytes.writeUInt32LE(((CLASS << 8) | REVISION) >>> 0, 8);
  bytes.writeUInt16LE(VENDOR, 0x2c);
  bytes.writeUInt16LE(model.subsystem, 0x2e);
  return bytes;
}

/** The version that a module says of itself when the libraries are of another: older than any that is in use. */
const OTHER_DRIVER = '390.157';

/** Pure: the file by which everything that is simulated knows the GPU: lines of KEY=VALUE, always all of them. */
export function factsOf(device: GpuDevice): string {
  const { address, model, memoryMiB, uuid, serial, state, isWrongDriver, isPersistenceRefused } = device;
  const facts = {
    uuid,
    name: model.product,
    memory_mib: memoryMiB,
    state,
    serial,
    architecture: model.architecture,
    compute: model.compute,
    bus: address,
    device: hex(model.device, 4),
    driver: isWrongDriver ? OTHER_DRIVER : 'any',
    persistence: isPersistenceRefused ? 'refused' : 'settable',
  };
  return Object.entries(facts)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

const FACTS = 'lab_gpu';
const NO_RESOURCES = `${Array.from({ length: 3 }, () => '0x0000000000000000').join(' ')}\n`.repeat(13);

/** Pure: the files of a device, as sysfs has them. */
export function deviceFiles(device: GpuDevice): Readonly<Record<string, string | Buffer>> {
  const { model, state } = device;
  const id = (value: number): string => value.toString(16).padStart(8, '0').toUpperCase();
  return {
    vendor: `${hex(VENDOR, 4)}\n`,
    device: `${hex(model.device, 4)}\n`,
    subsystem_vendor: `${hex(VENDOR, 4)}\n`,
    subsystem_device: `${hex(model.subsystem, 4)}\n`,
    class: `${hex(CLASS, 6)}\n`,
    revision: state === 'fell-off-bus' ? '0xff\n' : `${hex(REVISION, 2)}\n`,
    irq: '0\n',
    enable: '0\n',
    numa_node: '-1\n',
    modalias: `pci:v${id(VENDOR)}d${id(model.device)}sv${id(VENDOR)}sd${id(model.subsystem)}bc03sc02i00\n`,
    resource: NO_RESOURCES,
    config: configSpace(device),
    [FACTS]: factsOf(device),
  };
}

/**
 * Makes a folder hold these devices and no others. Files are written in place: a container has the very file of a
 * device, and sees what becomes of it, also when the device goes.
 */
export async function putDevices(folder: string, devices: readonly GpuDevice[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const device of devices) {
    const of = join(folder, device.address);
    await mkdir(of, { recursive: true });
    for (const [name, content] of Object.entries(deviceFiles(device))) await writeFile(join(of, name), content);
  }
  for (const address of await readdir(folder)) {
    if (devices.some((device) => device.address === address)) continue;
    await writeFile(join(folder, address, FACTS), 'state=fell-off-bus\n');
    await rm(join(folder, address), { recursive: true });
  }
}
