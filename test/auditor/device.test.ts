import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { findDevice, type Kernel } from '../../auditor/disk/device.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** The kernel's folders, with what is given in them. */
function kernel(files: Readonly<Record<string, string>>): Kernel {
  const folder = tempFolder();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return { dev: join(folder, 'dev'), sys: join(folder, 'sys'), proc: join(folder, 'proc') };
}

const VOLUME = { volumeId: 'vol-0abc123', deviceName: '/dev/sdf' };

test('a volume is found by the serial number of its NVMe disk, which has no hyphen and ends with blanks', () => {
  const here = kernel({
    'sys/block/nvme0n1/device/serial': 'vol0fff\n',
    'sys/block/nvme1n1/device/serial': 'vol0abc123          \n',
    'dev/nvme0n1': '',
    'dev/nvme1n1': '',
    // Its name is another volume's.
    'dev/xvdf': '',
  });
  expect(findDevice(VOLUME, here)).toEqual({ path: join(here.dev, 'nvme1n1'), isLive: false, isMounted: false });
});

test('else by the name that it was attached under, as Xen names it first', () => {
  const xen = kernel({ 'dev/xvdf': '', 'dev/sdf': '' });
  expect(findDevice(VOLUME, xen).path).toBe(join(xen.dev, 'xvdf'));
  const plain = kernel({ 'dev/sdf': '' });
  expect(findDevice(VOLUME, plain).path).toBe(join(plain.dev, 'sdf'));
  expect(() => findDevice({ ...VOLUME, deviceName: '/dev/sdzz' }, plain)).toThrow(/not attached here/);
});

/** A machine whose `/` is on the partition 259:1, and what the kernel says of it. */
function machine(partition: Readonly<Record<string, string>>, number = '259:1'): Kernel {
  const place = 'sys/devices/nvme/nvme0n1/nvme0n1p1';
  const here = kernel({
    'proc/self/mountinfo': `1 0 0:2 / / rw - rootfs none rw\n22 1 ${number} / / rw shared:1 - ext4 /dev/root rw\n`,
    'dev/nvme0n1p1': '',
    [`${place}/size`]: '1000\n',
    ...Object.fromEntries(Object.entries(partition).map(([name, value]) => [`${place}/${name}`, value])),
  });
  mkdirSync(join(here.sys, 'dev', 'block'), { recursive: true });
  symlinkSync(join(here.sys, '..', place), join(here.sys, 'dev', 'block', '259:1'));
  return here;
}

test("the machine's own root is found by its number, whatever mountinfo calls it, and is the whole disk", () => {
  const here = machine({ partition: '1\n', start: '262144\n' });
  const disk = { path: join(here.dev, 'nvme0n1'), isLive: true, isMounted: false };
  expect(findDevice('own root', here)).toEqual(disk);
  const whole = machine({});
  expect(findDevice('own root', whole)).toEqual({ ...disk, path: join(whole.dev, 'nvme0n1p1'), isMounted: true });
});

test('a root that is on no disk is said', () => {
  expect(() => findDevice('own root', machine({}, '0:31'))).toThrow('the root of this machine (0:31) is on no block');
});
