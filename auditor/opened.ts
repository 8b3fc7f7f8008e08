import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { AuditedDisk } from '#contracts/audit.ts';
import { Disk, findDevice } from './disk/device.ts';
import { type Layout, readLayout } from './disk/layout.ts';

export type Opened = Layout & {
  readonly disk: Disk;
  /** It is mounted and changes meanwhile. */
  readonly isLive: boolean;
  /** What is read of it is ahead of its journal. */
  readonly isMounted: boolean;
};

/** What is only in memory yet goes to the disk, and what an earlier look at the disk left in memory goes away. */
function settle(): void {
  execFileSync('sync');
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '1');
  } catch {
    // In a container it may not be written, and then nobody has looked at the disk before.
  }
}

/** @throws Error when the disk is not here, or has no layout that is read here */
export function openDisk(asked: AuditedDisk): Opened {
  const device = findDevice(asked);
  if (device.isLive) settle();
  const disk = new Disk(device.path);
  return { ...readLayout(disk), disk, isLive: device.isLive, isMounted: device.isMounted };
}
