import type { BootedHost } from './booted-host.ts';

/**
 * Until nothing fits on the machine's disk any more, not even what is kept for root. The blocks are only set aside, so
 * that it takes a moment.
 */
export function fillDisk(host: BootedHost): Promise<string> {
  return host.run(
    `sudo sh -c '
n=0
size=$(df --output=avail -B1 / | tail -1)
while [ $size -ge 4096 ]; do
  n=$((n + 1))
  fallocate --length $size /var/tmp/filler.$n 2>/dev/null || size=$((size / 2))
done'`,
    120_000,
  );
}

/** /run gets the size of what is in it: no byte and no name more. */
export function fillRun(host: BootedHost): Promise<string> {
  return host.run(`sudo sh -c '
used=$(df --output=used -k /run | tail -1); names=$(df --output=iused /run | tail -1)
mount -o remount,size=$((used))k,nr_inodes=$((names)) /run'`);
}

/** Undoes both. */
export function makeRoom(host: BootedHost): Promise<string> {
  return host.run(`sudo sh -c 'rm -f /var/tmp/filler*; mount -o remount,size=1g,nr_inodes=800k /run'`);
}
