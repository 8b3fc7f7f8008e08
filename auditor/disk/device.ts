import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AuditedDisk } from '#contracts/audit.ts';
import type { Bytes } from '../bytes.ts';

/** Linux counts in these everywhere in /sys, whatever the disk's own sectors are. */
const SECTOR = 512;

/** A disk that can be read. */
export type Device = {
  readonly path: string;
  /** It is mounted and changes while it is read. */
  readonly isLive: boolean;
  /**
   * It is read through the node that is mounted, and so as the kernel has it in memory, ahead of the journal. A disk
   * whose partition is mounted is read as it lies there.
   */
  readonly isMounted: boolean;
};

function textOf(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

/** The names of the kernel's folders, for tests. */
export type Kernel = { readonly dev: string; readonly sys: string; readonly proc: string };

export const KERNEL: Kernel = { dev: '/dev', sys: '/sys', proc: '/proc' };

/** NVMe says the volume's id as its serial number, without the hyphen and filled up with blanks. */
function nvmeOf(volumeId: string, { dev, sys }: Kernel): string | null {
  const serial = volumeId.replaceAll('-', '');
  const folder = join(sys, 'block');
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!/^nvme\d+n\d+$/.test(name)) continue;
    const said = textOf(join(folder, name, 'device', 'serial'));
    if (said !== null && said.replaceAll('-', '') === serial) return join(dev, name);
  }
  return null;
}

/** A volume that was attached as /dev/sdf may be /dev/xvdf: that is how Xen's driver names it. */
function attachedAs(deviceName: string, { dev }: Kernel): string {
  const letters = /^\/dev\/sd([a-z]+\d*)$/.exec(deviceName)?.[1];
  if (letters === undefined) return deviceName;
  return [`xvd${letters}`, `sd${letters}`].map((name) => join(dev, name)).find(existsSync) ?? deviceName;
}

/** By its number, not by the source that mountinfo names: that may be `/dev/root`, which is nowhere. */
function ownRoot({ dev, sys, proc }: Kernel): Device {
  const lines = readFileSync(join(proc, 'self', 'mountinfo'), 'utf8').split('\n');
  // Of several mounts on `/` the last one is seen.
  const number = lines.map((line) => line.split(' ')).findLast((fields) => fields[4] === '/')?.[2];
  const folder = join(sys, 'dev', 'block', number ?? '');
  if (number === undefined || !existsSync(folder))
    throw new Error(`the root of this machine (${number ?? 'not mounted'}) is on no block device`);
  const place = realpathSync(folder);
  const isPartition = existsSync(join(folder, 'partition'));
  return { path: join(dev, basename(isPartition ? dirname(place) : place)), isLive: true, isMounted: !isPartition };
}

/** @throws Error when there is no such disk here */
export function findDevice(disk: AuditedDisk, kernel = KERNEL): Device {
  if (disk === 'own root') return ownRoot(kernel);
  const path = nvmeOf(disk.volumeId, kernel) ?? attachedAs(disk.deviceName, kernel);
  if (!existsSync(path)) throw new Error(`${disk.volumeId} is not attached here, neither by its id nor as ${path}`);
  return { path, isLive: false, isMounted: false };
}

function sizeOf(path: string, { sys }: Kernel): number {
  const found = statSync(path);
  if (found.isFile()) return found.size;
  if (!found.isBlockDevice()) throw new Error(`${path} is neither a disk nor a file`);
  // By its number: a node may have another name than the kernel has for it. glibc's makedev, the lower 32 bits.
  const number = `${(found.rdev >> 8) & 0xfff}:${(found.rdev & 0xff) | ((found.rdev >> 12) & 0xfff00)}`;
  const sectors = textOf(join(sys, 'dev', 'block', number, 'size'));
  if (sectors === null) throw new Error(`the kernel does not say how large ${path} is`);
  return Number(sectors) * SECTOR;
}

/** An open disk, or a file with the bytes of one. Read at places only, never mounted. */
export class Disk implements Bytes {
  readonly path: string;
  readonly bytes: number;
  readonly #file: number;

  /** @throws Error when it cannot be opened */
  constructor(path: string, kernel = KERNEL) {
    this.path = path;
    this.bytes = sizeOf(path, kernel);
    this.#file = openSync(path, 'r');
  }

  read(at: number, length: number): Buffer {
    const read = Buffer.allocUnsafeSlow(length);
    this.readInto(read, at);
    return read;
  }

  /** Fills all of `target`. */
  readInto(target: Buffer, at: number): void {
    if (at < 0 || at + target.length > this.bytes)
      throw new Error(`${target.length} bytes at ${at} are not all on ${this.path}, which has ${this.bytes}`);
    for (let done = 0; done < target.length; ) {
      const count = readSync(this.#file, target, done, target.length - done, at + done);
      if (count === 0) throw new Error(`${this.path} ends at byte ${at + done}, before its size`);
      done += count;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
