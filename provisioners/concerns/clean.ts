import { lstat, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { deadlineUnit } from '#contracts/deadline.ts';
import { onHost } from '#contracts/host-paths.ts';
import { instanceData } from '../lib/cloud-init.ts';
import type { Concern, Context } from '../lib/context.ts';
import { exists, readText } from '../lib/files.ts';
import { authorizedKeyFiles, homes, hostKeyFiles, keysIn, privateKeyFiles } from '../lib/ssh-keys.ts';
import { ask, tool } from '../lib/tool.ts';

/** The last is a development host's: a real host has nothing that makes containers ready without a gate. */
const CARRIED = ['rootfs', 'rootfs.tar', 'payload', 'bin/ecs-host-dev.mjs'].map((name) => onHost(name));
/** Of every home folder. */
const HISTORIES = [
  '.bash_history',
  '.sh_history',
  '.zsh_history',
  '.lesshst',
  '.viminfo',
  '.wget-hsts',
  '.python_history',
];
const ECS_STATE = ['/var/lib/ecs/data', '/var/log/ecs', '/var/lib/ecs/gpu', '/var/lib/ecs-host'];
/** What user data writes; a build instance has none of its own. */
const USER_DATA_FILES = ['/etc/ecs-host/host.json', '/etc/ecs/ecs.config'];
const MACHINE_ID = '/etc/machine-id';
const JOURNAL = '/var/log/journal';
const RANDOM_SEED = '/var/lib/systemd/random-seed';
const CLOUD = ['/var/lib/cloud/instances', '/var/lib/cloud/instance', '/var/lib/cloud/data', '/var/lib/cloud/sem'];

/** Pure: whether nothing stays of a path, whoever put it. A folder that is emptied stays itself. */
export function isTaken(path: string): boolean {
  const isBelow = (folder: string): boolean => path.startsWith(`${folder}/`);
  return (
    [...CARRIED, ...USER_DATA_FILES].some((taken) => path === taken || isBelow(taken)) ||
    [...ECS_STATE, JOURNAL].some(isBelow)
  );
}

async function inside(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).map((name) => `${folder}/${name}`);
}

/** Removes files and folders. Returns whether any was there. */
async function remove(paths: readonly string[]): Promise<boolean> {
  let isChanged = false;
  for (const path of paths) {
    if ((await lstat(path).catch(() => null)) === null) continue;
    await rm(path, { recursive: true, force: true });
    isChanged = true;
  }
  return isChanged;
}

/** Also not in free blocks, from where a volume made of the image would give it back. */
async function overwrite(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(Buffer.alloc(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** As `remove`, for what is nobody's business. */
async function removeSecrets(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if ((await lstat(path).catch(() => null))?.isFile()) await overwrite(path);
  return remove(paths);
}

async function empty(folders: readonly string[]): Promise<boolean> {
  return remove((await Promise.all(folders.map(inside))).flat());
}

/**
 * What Python compiled of packages that this bake brought: it compiles again by itself, and what is in such a file
 * nobody can tell. What the base image has stays, as its boots need it.
 */
async function compiledSince(file: string): Promise<readonly string[]> {
  if (!(await exists(file))) return [];
  const found = await tool`find /usr/lib/python3 /usr/share -name ${'*.pyc'} -type f -newercc ${file}`;
  return found.stdout.split('\n').filter(Boolean);
}

async function histories(): Promise<readonly string[]> {
  return (await homes()).flatMap((home) => HISTORIES.map((name) => `${home}/${name}`));
}

/** Logs of the build instance: rotated ones go, open ones become empty, so that whoever has them open goes on. */
async function clearLogs(): Promise<boolean> {
  let isChanged = await empty([JOURNAL, '/var/log/apt', '/var/log/unattended-upgrades', '/var/log/amazon']);
  for (const name of await readdir('/var/log', { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const path = `${name.parentPath}/${name.name}`;
    if (/\.(gz|xz|old|\d+)$/.test(name.name)) {
      await rm(path, { force: true });
      isChanged = true;
    } else if ((await stat(path).catch(() => null))?.size) {
      await truncate(path, 0);
      isChanged = true;
    }
  }
  return isChanged;
}

async function apply(context: Context): Promise<void> {
  const { step } = context;
  await step('carried files', {}, () => remove(CARRIED));
  await step('package caches', {}, async () => {
    await tool`apt-get clean`;
    return remove([
      ...(await inside('/var/lib/apt/lists')).filter((path) => !/\/(lock|partial|auxfiles)$/.test(path)),
      '/var/cache/apt/pkgcache.bin',
      '/var/cache/apt/srcpkgcache.bin',
    ]);
  });
  await step('what programs make again', {}, async () =>
    remove([...(await compiledSince(onHost('target.json'))), '/var/cache/ldconfig/aux-cache']),
  );
  await step('state of agent and host service', {}, async () => {
    const isChanged = await empty(ECS_STATE);
    return (await remove(USER_DATA_FILES)) || isChanged;
  });
  // The connection that this runs over stays: sshd looked at the file when it began.
  await step('keys that let in', {}, async () =>
    removeSecrets([...(await authorizedKeyFiles()), ...(await privateKeyFiles())]),
  );
  await step('host keys', {}, async () => removeSecrets(await hostKeyFiles()));
  await step('shell history', {}, async () => removeSecrets(await histories()));
  await step('state of cloud-init', {}, async () => {
    const isThere = (await Promise.all(CLOUD.map(exists))).some(Boolean);
    await ask`cloud-init clean --logs`;
    await remove([...CLOUD, '/etc/netplan/50-cloud-init.yaml', '/etc/network/interfaces.d/50-cloud-init']);
    return isThere;
  });
  await step('identity of the machine', {}, async () => {
    // It would be written again while the build instance shuts down.
    await ask`systemctl stop systemd-random-seed.service`;
    const isSecretGone = await removeSecrets([RANDOM_SEED, '/var/lib/systemd/credential.secret']);
    // Its name, and when its timers last ran: the next boot has others.
    const others = ['/etc/hostname', ...(await inside('/var/lib/dhcp')), ...(await inside('/var/lib/systemd/timers'))];
    let isChanged = (await remove(others)) || isSecretGone;
    const dbus = '/var/lib/dbus/machine-id';
    if (!(await lstat(dbus).catch(() => null))?.isSymbolicLink()) isChanged = (await remove([dbus])) || isChanged;
    if ((await readText(MACHINE_ID)) !== '') {
      // Empty, not gone: a machine whose file is gone boots as if it had never been set up.
      await truncate(MACHINE_ID, 0);
      isChanged = true;
    }
    return isChanged;
  });
  await step('temporary files', {}, async () => {
    const found = await Promise.all(['/tmp', '/var/tmp', '/root/.cache', '/root/.gnupg'].map(inside));
    // Running services have theirs in there; the next boot empties /tmp of them.
    return remove(found.flat().filter((path) => !/\/(systemd|snap)-private-/.test(path)));
  });
  await step('logs', {}, async () => {
    // To memory from here on; or the journal of the shutdown would come back onto the disk, in a folder with the old
    // machine's name.
    await ask`journalctl --relinquish-var`;
    // It would write down the shutdown.
    await ask`systemctl stop syslog.socket rsyslog.service`;
    return clearLogs();
  });
  await step('onto the disk', {}, async () => {
    await tool`sync`;
    return false;
  });
}

function list(paths: readonly string[]): string {
  return paths.length === 0 ? 'none' : paths.slice(0, 4).join(', ');
}

async function verifyBake(context: Context): Promise<void> {
  const { look } = context;
  await verifyNoDeadline(context, 'bake');
  const none = async (id: string, title: string, find: () => Promise<readonly string[]>): Promise<void> =>
    look({ id: `clean.${id}`, title, expected: 'none' }, async () => {
      const found = await find();
      return { actual: list(found), isCorrect: found.length === 0 };
    });
  const present = async (paths: readonly string[]): Promise<readonly string[]> => {
    const there = await Promise.all(paths.map(exists));
    return paths.filter((_, at) => there[at]);
  };
  await none('no-ssh-keys', 'Nobody has a key to the image', authorizedKeyFiles);
  await none('no-private-keys', 'No private key is left', privateKeyFiles);
  await none('no-host-keys', 'Every machine makes its own host keys', hostKeyFiles);
  await none('no-history', 'No shell history', async () => present(await histories()));
  await none('no-cloud-init-state', 'cloud-init will take the next boot for the first', () => present(CLOUD));
  await none('no-ecs-state', 'No state of an ECS agent', async () => (await Promise.all(ECS_STATE.map(inside))).flat());
  await none('no-user-data', 'Nothing that user data writes', () => present(USER_DATA_FILES));
  await none('no-carried-files', 'What was carried for the bake is gone', () => present(CARRIED));
  await none('no-package-lists', 'No package lists', async () =>
    (await inside('/var/lib/apt/lists')).filter((path) => path.includes('_')),
  );
  await none('no-old-journal', 'No journal of the bake', () => inside(JOURNAL));
  await none('no-old-logs', 'No rotated logs', async () =>
    (await readdir('/var/log', { recursive: true })).filter((name) => /\.(gz|xz|\d+)$/.test(name)),
  );
  await look({ id: 'clean.machine-id', title: 'Every machine makes its own id', expected: 'empty' }, async () => {
    const id = await readText(MACHINE_ID);
    return { actual: id === null ? 'no file' : id.trim() === '' ? 'empty' : 'an id', isCorrect: id?.trim() === '' };
  });
}

/** Where units are kept from boot to boot. */
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
const BUILD_TIMER = `${deadlineUnit('build')}.timer`;

/**
 * The timer that ends a build instance is below /run, and its order in the user data, which went with cloud-init's
 * state. On the build instance itself it runs.
 */
async function verifyNoDeadline({ look }: Context, stage: 'bake' | 'booted'): Promise<void> {
  const title = 'What ends a build instance by itself is not in the image';
  await look({ id: 'clean.no-deadline', title, expected: 'none' }, async () => {
    const files = (await Promise.all(UNIT_FOLDERS.map(inside)))
      .flat()
      .filter((path) => path.includes(deadlineUnit('build')));
    const loaded =
      stage === 'bake' ? '' : (await ask`systemctl show --property=LoadState --value ${BUILD_TIMER}`).stdout.trim();
    const found = [...files, ...(loaded === '' || loaded === 'not-found' ? [] : [`${BUILD_TIMER} is ${loaded}`])];
    return { actual: list(found), isCorrect: found.length === 0 };
  });
}

async function verifyBooted(context: Context): Promise<void> {
  const { look } = context;
  await verifyNoDeadline(context, 'booted');
  await look(
    {
      id: 'clean.no-ssh-keys',
      title: 'Nobody but the key of the launch gets in',
      expected: 'only the key of the launch',
    },
    async () => {
      const data = await instanceData();
      if (data === null) throw new Error('cloud-init has no data of this instance');
      const launch = new Set((data.v1?.public_ssh_keys ?? []).flatMap(keysIn));
      const strange: string[] = [];
      for (const file of await authorizedKeyFiles()) {
        const others = keysIn((await readText(file)) ?? '').filter((key) => !launch.has(key));
        if (others.length > 0) strange.push(`${file} (${others.length})`);
      }
      return {
        actual: strange.length === 0 ? 'only the key of the launch' : list(strange),
        isCorrect: strange.length === 0,
      };
    },
  );
  await look({ id: 'clean.no-private-keys', title: 'No private key is left', expected: 'none' }, async () => {
    const found = await privateKeyFiles();
    return { actual: list(found), isCorrect: found.length === 0 };
  });
  await look(
    { id: 'clean.own-host-keys', title: 'The machine made its own host keys', expected: 'younger than the image' },
    async () => {
      const keys = await hostKeyFiles();
      const { bakedAt = '' } = JSON.parse((await readText(onHost('image.json'))) ?? '{}') as {
        bakedAt?: string;
      };
      const older: string[] = [];
      for (const key of keys) if ((await stat(key)).mtimeMs <= Date.parse(bakedAt)) older.push(key);
      const isCorrect = keys.length > 0 && older.length === 0 && bakedAt !== '';
      return {
        actual: keys.length === 0 ? 'none' : older.length > 0 ? `older: ${list(older)}` : 'younger than the image',
        isCorrect,
      };
    },
  );
  await look({ id: 'clean.machine-id', title: 'The machine made its own id', expected: 'an id' }, async () => {
    const isCorrect = /^[0-9a-f]{32}\n?$/.test((await readText(MACHINE_ID)) ?? '');
    return { actual: isCorrect ? 'an id' : 'none', isCorrect };
  });
  await look({ id: 'clean.no-old-journal', title: 'No journal but its own', expected: 'only its own' }, async () => {
    const own = (await readText(MACHINE_ID))?.trim() ?? '';
    const strange = (await inside(JOURNAL)).filter((path) => !path.startsWith(`${JOURNAL}/${own}`));
    return { actual: strange.length === 0 ? 'only its own' : list(strange), isCorrect: strange.length === 0 };
  });
}

export const clean: Concern = {
  name: 'clean',
  apply,
  verify: (context) => (context.stage === 'bake' ? verifyBake(context) : verifyBooted(context)),
};
