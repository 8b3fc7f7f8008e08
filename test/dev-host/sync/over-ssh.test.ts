import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { connectDevHost } from '../../../src/dev-host/reach.ts';
import { summary } from '../../../src/dev-host/sync/report.ts';
import { findFolder, lockSync, type SyncWish, startSync, targetFolder } from '../../../src/dev-host/sync/sync.ts';
import { shellOption } from '../../../src/dev-host/sync/transfer.ts';
import { Wakes } from '../../../src/dev-host/sync/watch.ts';
import { findProgram } from '../../../src/io/programs.ts';
import { type LocalSshd, noSshd, startLocalSshd } from '../../support/local-sshd.ts';
import { devHost } from '../../support/sshd-dev-host.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const signal = new AbortController().signal;
let folder: string;

function wish(sshd: LocalSshd | null, change: Partial<SyncWish> = {}): SyncWish {
  return {
    host: devHost(sshd),
    folder: join(folder, 'here'),
    to: join(folder, 'there'),
    prefer: null,
    isDry: false,
    ...change,
  };
}

beforeEach(async () => {
  folder = join(tempFolder(), 'a b');
  await mkdir(join(folder, 'here'), { recursive: true });
  process.env['ECS_HOST_STATE'] = join(folder, 'state');
  onTestFinished(() => {
    delete process.env['ECS_HOST_STATE'];
  });
});

test('a folder is synced over one connection, and remembered for the next command', async (context) => {
  const why = noSshd() ?? ((await findProgram('rsync')) === null ? 'no rsync on this machine' : null);
  if (why !== null) context.skip(why);
  await mkdir(join(folder, 'state', 'dev-hosts'), { recursive: true, mode: 0o700 });
  const sshd = await startLocalSshd(join(folder, 'state', 'dev-hosts'));
  onTestFinished(() => sshd.kill());
  const sync = async (change: Partial<SyncWish> = {}): Promise<string> => {
    await using ssh = await connectDevHost(devHost(sshd), signal);
    const syncing = await startSync(ssh, wish(sshd, change), { signal });
    return summary(await syncing.next(null, () => {}));
  };
  await writeFile(join(folder, 'here', 'a'), 'a');
  expect(await sync({ isDry: true })).toBe('1 to there');
  expect(await sync()).toBe('1 to there');
  expect(await sync()).toBe('both sides are the same');
  await rm(join(folder, 'there', 'a'));
  await writeFile(join(folder, 'there', 'new\nline'), 'b');
  expect(await sync()).toBe('1 from there, 1 deleted here');
  expect(await readFile(join(folder, 'here', 'new\nline'), 'utf8')).toBe('b');
  await expect(sync({ to: '/' })).rejects.toMatchObject({ code: 'SYNC_FOLDER' });
  await expect(sync({ to: '/dev/null/x' })).rejects.toMatchObject({ code: 'SYNC_FOLDER' });
});

test('two commands do not sync the same at once', async () => {
  const one = await lockSync(wish(null));
  await expect(lockSync(wish(null))).rejects.toMatchObject({ code: 'SYNC_BUSY' });
  await using _other = await lockSync(wish(null, { to: 'elsewhere' }));
  await one[Symbol.asyncDispose]();
  await using _again = await lockSync(wish(null));
});

test('a change here wakes soon, one that git ignores does not', async () => {
  const here = join(folder, 'here');
  await mkdir(join(here, 'build'));
  await mkdir(join(here, 'src'));
  await using wakes = new Wakes(
    here,
    (path) => path === 'build',
    () => {},
  );
  const waited = async (change: () => Promise<void>): Promise<boolean> => {
    const begun = performance.now();
    await change();
    await wakes.next(signal);
    return performance.now() - begun < 1900;
  };
  // The watcher takes a moment to be everywhere.
  await expect.poll(() => waited(() => writeFile(join(here, 'src', 'a'), String(performance.now())))).toBe(true);
  expect(await waited(() => writeFile(join(here, 'build', 'a'), 'x'))).toBe(false);
});

test('where a folder goes', async () => {
  expect(targetFolder('/home/me/container-images', null)).toBe('container-images');
  expect(targetFolder('/x/y', '~/src/app')).toBe('src/app');
  expect(targetFolder('/x/y', '/opt/app')).toBe('/opt/app');
  for (const whole of ['.', '~', '~/', '/', './', '..'])
    expect(() => targetFolder('/x/y', whole)).toThrow(expect.objectContaining({ code: 'SYNC_FOLDER' }));
  await expect(findFolder('/')).rejects.toMatchObject({ code: 'SYNC_FOLDER' });
  await writeFile(join(folder, 'file'), '');
  await expect(findFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'SYNC_FOLDER' });
});

test('rsync takes the words of ssh apart as they were put together', () => {
  expect(shellOption(['ssh', '-o', 'IdentityFile="/a b/key"', "it's"])).toBe(
    `ssh -o 'IdentityFile="/a b/key"' 'it''s'`,
  );
});
