import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeeds } from '../exec.ts';

function backingFileOf(device: string): Promise<string> {
  return readFile(`/sys/block/${device}/loop/backing_file`, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}

async function loopDevices(): Promise<readonly string[]> {
  return (await readdir('/sys/block').catch(() => [])).filter((device) => device.startsWith('loop'));
}

/** Whether a loop device still holds the file, mounted or not. */
export async function hasLoopDevice(file: string): Promise<boolean> {
  for (const device of await loopDevices()) {
    if ((await backingFileOf(device)) === file) return true;
  }
  return false;
}

/** A mount in a namespace ends a moment after the namespace's last process; only then is the disk file whole. */
export async function waitForNoLoopDevice(file: string, limitMs: number): Promise<void> {
  const limit = Date.now() + limitMs;
  while (await hasLoopDevice(file)) {
    if (Date.now() > limit) throw new Error(`${file} is still mounted`);
    await sleep(20);
  }
}

/**
 * Lets go of files below a folder that nothing uses any more: a lab that was killed between two steps may leave a
 * device that does not go by itself.
 */
export async function detachLoopDevices(folder: string): Promise<void> {
  for (const device of await loopDevices()) {
    if ((await backingFileOf(device)).startsWith(`${folder}/`))
      await succeeds('losetup', ['--detach', `/dev/${device}`]);
  }
}
