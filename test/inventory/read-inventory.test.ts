import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parseInventory, READ_INVENTORY, readInventory } from '../../src/inventory/read-inventory.ts';
import { settingsOf } from '../../src/inventory/settings.ts';
import { fakeSsh } from '../smoke/fake-ssh.ts';

const OS = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n';
const PACKAGES = [
  'ii \tzlib1g\t1:1.2.13.dfsg-1\tamd64\tzlib\t1:1.2.13.dfsg-1',
  'rc \tgone\t1\tamd64\tgone\t1',
  'hi \tdocker.io\t20.10.24+dfsg1-1+b3\tamd64\tdocker.io\t20.10.24+dfsg1-1',
].join('\n');
const FILES = [
  '644\t3\t/etc/docker/daemon.json',
  '600\t9\t/etc/ssh/ssh_host_ed25519_key',
  '644\t5\t/etc/a\tb\nc',
  '444\t33\t/etc/machine-id',
  '644\t1\t/etc/gone-meanwhile',
];
const HASHES = ['/etc/a\tb\nc', '/etc/docker/daemon.json', '/etc/machine-id', '/etc/ssh/ssh_host_ed25519_key'];
const LINKS = ['/usr/share/zoneinfo/Etc/UTC\t/etc/localtime', '../run/systemd/stub\t/etc/resolv.conf'];

function said(parts: Partial<Record<'packages' | 'npm' | 'target', string>> = {}): string {
  const { packages = PACKAGES, npm = '[{"name":"zx","version":"8.8.5"}]', target = '{"b":{"c":null},"a":[1]}' } = parts;
  const ended = (items: readonly string[]): string => items.map((item) => `${item}\0`).join('');
  const hashes = ended(HASHES.map((path) => `${'0'.repeat(64)}  ${path}`));
  return [OS, packages, npm, target, ended(FILES), hashes, ended(LINKS)].join('\u0001');
}

describe('an inventory', () => {
  test('has what is installed, in order, with what security notices call it', () => {
    const { os, packages, npm, settings } = parseInventory('ami-0aa', said());
    expect(os).toEqual({ id: 'debian', versionId: '12', codename: 'bookworm' });
    expect(packages.map(({ name, source, sourceVersion }) => [name, source, sourceVersion])).toEqual([
      ['docker.io', 'docker.io', '20.10.24+dfsg1-1'],
      ['zlib1g', 'zlib', '1:1.2.13.dfsg-1'],
    ]);
    expect(npm).toEqual([{ name: 'zx', version: '8.8.5' }]);
    expect(settings).toEqual({ a: '[1]', 'b.c': 'null' });
  });

  test("has files and links below /etc whatever their names, without an instance's own", () => {
    const { files, links } = parseInventory('ami-0aa', said());
    expect(files.map(({ path, mode, bytes }) => [path, mode, bytes])).toEqual([
      ['/etc/a\tb\nc', '644', 5],
      ['/etc/docker/daemon.json', '644', 3],
    ]);
    expect(links).toEqual([{ path: '/etc/localtime', to: '/usr/share/zoneinfo/Etc/UTC' }]);
  });

  test.each([
    ['cut short', said().slice(0, 60), 'parts of 7'],
    ['without packages', said({ packages: '' }), 'dpkg named no packages'],
    ['with a broken list of npm', said({ npm: '[' }), 'JSON'],
  ])('an answer that is %s is refused', (_, text, reason) => {
    expect(() => parseInventory('ami-0aa', text)).toThrow(reason);
  });

  test('a command that fails says what it said', async () => {
    const ssh = fakeSsh([[/dpkg-query/, { exitCode: 1, stderr: 'sudo: a password is required\n' }]]);
    await expect(readInventory(ssh, 'ami-0aa')).rejects.toThrow('ended with 1 (sudo: a password is required)');
    expect((await readInventory(fakeSsh([[/dpkg-query/, { stdout: said() }]]), 'ami-0aa')).imageId).toBe('ami-0aa');
  });

  test('the command is one that a shell can read', async () => {
    const { exitCode, stderr } = await execa('sh', ['-n', '-c', READ_INVENTORY], { reject: false });
    expect([exitCode, stderr]).toEqual([0, '']);
  });
});

test('settings are leaves by their path, and a list is one', () => {
  expect(settingsOf({ z: true, a: { b: 'x', list: ['p', 'q'] }, none: null })).toEqual({
    'a.b': 'x',
    'a.list': '["p","q"]',
    none: 'null',
    z: 'true',
  });
});
