import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { installQuestion, installSshConfig } from '../../src/dev-host/install-ssh-config.ts';
import { hostBlock, withBlocks } from '../../src/dev-host/ssh-config.ts';
import { devHost } from '../support/sshd-dev-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

const dev = devHost(null, { address: '203.0.113.9' });
const other = devHost(null, { name: 'other', instanceId: 'i-0fedcba9876543210', address: '203.0.113.10' });
const LAB = 'lab us-east-2';

function inState(folder: string): void {
  process.env['ECS_HOST_STATE'] = folder;
  onTestFinished(() => {
    delete process.env['ECS_HOST_STATE'];
  });
}

/** What ssh itself understands. */
async function understood(file: string, alias: string): Promise<string[]> {
  const { stdout } = await execa('ssh', ['-G', '-F', file, alias]);
  return stdout.split('\n');
}

test('ssh understands a block, also with a state folder that has blanks in its path', async () => {
  const folder = join(tempFolder(), 'a b');
  await mkdir(folder);
  inState(folder);
  await writeFile(join(folder, 'config'), hostBlock(dev, LAB));
  expect(await understood(join(folder, 'config'), 'ecs-host-dev')).toEqual(
    expect.arrayContaining([
      'hostname 203.0.113.9',
      'user admin',
      'identitiesonly yes',
      `identityfile ${folder}/dev-hosts/id_ed25519`,
      'hostkeyalias i-0123456789abcdef0',
      `userknownhostsfile ${folder}/dev-hosts/known_hosts`,
      'stricthostkeychecking accept-new',
      'loglevel ERROR',
    ]),
  );
});

test('under Session Manager ssh goes through it', async () => {
  const folder = tempFolder();
  inState(folder);
  await writeFile(
    join(folder, 'config'),
    hostBlock(devHost(null, { transport: 'session-manager', address: null }), 'aws us-east-2'),
  );
  const options = await understood(join(folder, 'config'), 'ecs-host-dev');
  expect(options).toContain('hostname i-0123456789abcdef0');
  expect(options.find((line) => line.startsWith('proxycommand'))).toMatch(
    /session-proxy\.ts' '--region' 'us-east-2' '--instance' 'i-0123456789abcdef0' --port %p$/,
  );
});

test('it is installed once, apart from what the user wrote, and reached through that', async () => {
  const folder = join(tempFolder(), '.ssh');
  inState(join(folder, 'state'));
  await mkdir(join(folder, 'dotfiles'), { recursive: true });
  await writeFile(join(folder, 'dotfiles', 'config'), 'Host mine\n  User me\n', { mode: 0o640 });
  await symlink('dotfiles/config', join(folder, 'config'));
  expect(await installQuestion(folder)).toContain(`at the top of ${folder}/config`);
  const installed = { living: [dev, other], chosen: [dev, other], place: LAB };
  await installSshConfig(folder, installed);
  const mine = await readFile(join(folder, 'dotfiles', 'config'), 'utf8');
  expect(mine).toBe(`Include ${folder}/ecs-host.config\n\nHost mine\n  User me\n`);
  expect((await stat(join(folder, 'dotfiles', 'config'))).mode & 0o777).toBe(0o640);
  expect((await stat(join(folder, 'ecs-host.config'))).mode & 0o777).toBe(0o600);
  expect(await understood(join(folder, 'config'), 'ecs-host-other')).toContain('hostname 203.0.113.10');
  expect(await understood(join(folder, 'config'), 'mine')).toContain('user me');
  expect((await installSshConfig(folder, installed))[0]).toMatch(/^unchanged/);
  expect(await installQuestion(folder)).not.toContain('Include');
  expect(await readFile(join(folder, 'config'), 'utf8')).toBe(mine);
});

test('hosts that are gone are taken away, those of another place are not, and an address follows its host', () => {
  inState('/state');
  const far = devHost(null, { name: 'far', instanceId: 'i-00000000000000001' });
  let text = withBlocks('', [dev, other], { living: [dev, other], place: LAB });
  text = withBlocks(text, [far], { living: [far], place: 'aws us-east-2' });
  const moved = { ...dev, address: '203.0.113.77' };
  text = withBlocks(text, [moved], { living: [moved], place: LAB });
  expect(text.match(/^Host .*/gm)).toEqual(['Host ecs-host-dev', 'Host ecs-host-far']);
  expect(text).toContain('HostName 203.0.113.77');
  expect(withBlocks(text, [], { living: [], place: LAB }).match(/^Host .*/gm)).toEqual(['Host ecs-host-far']);
});
