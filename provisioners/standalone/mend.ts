import { readdir, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { APT_OPTIONS } from '../lib/apt.ts';
import type { Concern } from '../lib/context.ts';
import { dropDownloads } from '../lib/download.ts';
import { readText } from '../lib/files.ts';
import { allowServices } from '../lib/no-services.ts';
import { needsReload, reloadUnits } from '../lib/systemd.ts';
import { ask, tool } from '../lib/tool.ts';

const LOCKS = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock'];
/** An installation that a killed run left behind, or that somebody else began. */
const LOCK_LIMIT_MS = 10 * 60_000;
const LOOK_MS = 500;

/** Pure: whether the kernel's list of locks has one on a file with this inode. */
export function isLockedIn(locks: string, inode: number): boolean {
  return locks.split('\n').some((line) => /^\d+: \S+ +\S+ +WRITE /.test(line) && line.includes(`:${inode} `));
}

async function isBusy(): Promise<boolean> {
  const locks = (await readText('/proc/locks')) ?? '';
  const inodes = await Promise.all(LOCKS.map(async (path) => (await stat(path).catch(() => null))?.ino));
  return inodes.some((inode) => inode !== undefined && isLockedIn(locks, inode));
}

async function waitForPackages(): Promise<boolean> {
  const until = Date.now() + LOCK_LIMIT_MS;
  let waited = false;
  while (await isBusy()) {
    if (Date.now() > until) throw new Error('somebody else has been installing packages for ten minutes');
    waited = true;
    await sleep(LOOK_MS);
  }
  return waited;
}

/** Packages that were unpacked and not configured, or whose installation dpkg began to write down. */
async function areWhole(): Promise<boolean> {
  const journal = await readdir('/var/lib/dpkg/updates').catch(() => []);
  return journal.length === 0 && (await ask`dpkg --audit`).stdout.trim() === '';
}

/** Pure: the packages that dpkg wants installed again, from what `dpkg-query` shows of each: `iHR name`. */
export function brokenIn(shown: string): string[] {
  return shown.split('\n').flatMap((line) => {
    const [, name] = /^..R\s+(\S+)$/.exec(line) ?? [];
    return name === undefined ? [] : [name];
  });
}

/** Broken ones that came as a file and not from a repository, which apt cannot bring again; their provisioner does. */
async function removeLost(): Promise<void> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own
  const format = '${db:Status-Abbrev} ${Package}\n';
  const shown = (await ask`dpkg-query --show --showformat=${format}`).stdout;
  for (const name of brokenIn(shown)) {
    const { exitCode } = await ask`apt-get ${APT_OPTIONS} --print-uris download ${name}`;
    if (exitCode !== 0) await tool`dpkg --force-remove-reinstreq --force-depends --remove ${name}`;
  }
}

/** Puts right what a run that was killed or interrupted left half done, before anything builds on it. */
export const mend: Concern = {
  name: 'earlier runs',
  apply: async ({ step }) => {
    // What a killed run had begun goes on without it: one who waited has not changed anything.
    await step('no installation under way', {}, async () => {
      await waitForPackages();
      return false;
    });
    // Before packages are configured: a policy of ours would keep their services down for good.
    await step('packages may start services', {}, allowServices);
    await step('half-installed packages', { doneWhen: areWhole }, async () => {
      await tool`dpkg --force-confold --force-confdef --configure --pending`;
      await removeLost();
      await tool`apt-get ${APT_OPTIONS} --fix-broken install`;
    });
    await step('no downloads of an earlier run', {}, dropDownloads);
    await step('units as they are on the disk', { doneWhen: async () => !(await needsReload()) }, reloadUnits);
  },
  verify: async () => undefined,
};
