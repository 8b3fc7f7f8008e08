import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

function backingFileOf(device: string): Promise<string> {
  return readFile(`/sys/block/${device}/loop/backing_file`, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}

/** Whether a loop device still holds the file, mounted or not. */
export async function hasLoopDevice(file: string): Promise<boolean> {
  for (const device of await readdir('/sys/block').catch(() => [])) {
    if (device.startsWith('loop') && (await backingFileOf(device)) === file) return true;
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
