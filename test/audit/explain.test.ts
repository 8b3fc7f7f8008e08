import { describe, expect, test } from 'vitest';
import type { AuditEntry, Partition } from '#contracts/audit.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import { type Explained, explainEntries, partitionFindings } from '../../src/audit/explain.ts';
import {
  DPKG,
  database,
  explainInput,
  type FakePackage,
  file,
  folder,
  hashOf,
  type Item,
  image,
  installed,
  link,
  ROOT_PARTITION,
  special,
} from './image.ts';

type More = Parameters<typeof explainInput>[2];

function explain(ofImage: readonly Item[], ofBase: readonly Item[] = [], more: More = {}): Explained {
  return explainEntries(explainInput(ofImage, ofBase, more));
}

/** Who explains a path, or what is wrong with it. */
function said(path: string, { explainers, findings }: Explained): string | undefined {
  return explainers.get(path) ?? findings.find((each) => each.path === path)?.reason;
}

/** What is said of one item of an image that has no more than this, and of a base image with these. */
function alone(item: Item, ofBase: readonly Item[] = [], more: More = {}): string | undefined {
  return said(item.entry.path, explain([item], ofBase, more));
}

const UNUSUAL = 'its owner or mode is not a usual one';
const NOBODY = 'nobody explains it';

describe('what nobody explains', () => {
  test.each([
    ['a file', file('/opt/left')],
    ['an empty file', file('/opt/empty')],
    ['a link', link('/opt/link', '/etc/hosts')],
    ['a device', special('/opt/device', 'block')],
    ['a pipe', special('/opt/pipe', 'pipe')],
    ['a socket', special('/opt/socket', 'socket')],
    ['a folder that others may write to', folder('/opt/open', { mode: 0o777 })],
    ['a folder with a sticky bit', folder('/opt/sticky', { mode: 0o1777 })],
    ['a folder that gives its group away', folder('/opt/setgid', { mode: 0o2755 })],
    ["somebody's folder", folder('/opt/own', { uid: 1000 })],
    ['a folder of a group', folder('/opt/group', { gid: 27 })],
  ])('is found: %s', (_what, item) => {
    const { findings, explainers } = explain([item]);
    expect(findings).toEqual([{ path: item.entry.path, kind: 'unexplained', reason: NOBODY, entry: item.entry }]);
    expect(explainers.size).toBe(0);
  });

  test('is told apart from what is not as on the base image', () => {
    const { findings } = explain([file('/opt/x', 'new')], [file('/opt/x', 'old')]);
    expect(findings).toMatchObject([{ kind: 'differs', reason: 'not as on the base image, and nobody explains it' }]);
  });

  test('is everything, of an image without a database of packages', () => {
    const items = [file('/usr/bin/ls'), link('/usr/bin/dir', 'ls')];
    expect(explain(items).findings.map(({ path }) => path)).toEqual(['/usr/bin/ls', '/usr/bin/dir']);
  });
});

describe('a folder', () => {
  test('that only root can put something into explains itself', () => {
    expect(alone(folder('/opt/new'))).toBe('folder');
    expect(alone(folder('/opt/private', { mode: 0o700 }))).toBe('folder');
  });

  test('does not stand for a file, a link or another thing of the base image', () => {
    for (const before of [file('/etc/x'), link('/etc/x', 'y'), special('/etc/x', 'pipe')])
      expect(alone(folder('/etc/x'), [before])).toBe('not as on the base image, and nobody explains it');
  });

  test('of the base image is not opened', () => {
    const before = folder('/var/lib/private', { mode: 0o700 });
    expect(alone(folder('/var/lib/private', { mode: 0o755 }), [before])).not.toBe('folder');
  });

  test('of root may have been somebody else’s on the base image', () => {
    expect(alone(folder('/var/x', { uid: 0 }), [folder('/var/x', { uid: 7 })])).toMatch(/^(folder|not as on)/);
  });
});

describe('the base image', () => {
  const items: readonly Item[] = [
    file('/etc/fstab', 'UUID=1 / ext4'),
    file('/etc/odd', '', { mode: 0o4755, uid: 7, gid: 8 }),
    folder('/tmp', { mode: 0o1777 }),
    link('/etc/mtab', '../proc/self/mounts'),
    special('/dev/null', 'char', { mode: 0o666, device: '1:3' }),
    special('/run/pipe', 'pipe'),
  ];

  test('explains what is as it is there', () => {
    const { explainers, findings } = explain(items, items);
    expect(findings).toEqual([]);
    expect(new Set(explainers.values())).toEqual(new Set(['base image']));
    expect(explainers.size).toBe(items.length);
  });

  test('explains it whenever and in whichever inode it was written', () => {
    const again = items.map((item) => ({
      ...item,
      entry: { ...item.entry, inode: 99, links: 3, mtime: 5, ctime: 6, crtime: 7 },
    }));
    expect(explain(again, items).findings).toEqual([]);
  });

  test.each([
    ['another content', file('/etc/fstab', 'UUID=2 / ext4')],
    ['the same, with a carriage return', file('/etc/fstab', 'UUID=1 / ext4\r')],
    ['another owner', file('/etc/fstab', 'UUID=1 / ext4', { uid: 1000 })],
    ['another group', file('/etc/fstab', 'UUID=1 / ext4', { gid: 1000 })],
    ['another mode', file('/etc/fstab', 'UUID=1 / ext4', { mode: 0o666 })],
    ['setuid', file('/etc/fstab', 'UUID=1 / ext4', { mode: 0o4644 })],
    ['a link for a file', link('/etc/fstab', '/etc/odd')],
    ['another target', link('/etc/mtab', '/tmp/mounts')],
    ['a file for a link', file('/etc/mtab')],
    ['another device', special('/dev/null', 'char', { mode: 0o666, device: '1:1' })],
    ['a block device for one of characters', special('/dev/null', 'block', { mode: 0o666, device: '1:3' })],
    ['a file for a pipe', file('/run/pipe', '', { mode: 0o600 })],
  ])('does not explain %s', (_what, item) => {
    const { findings } = explain([item], items);
    expect(findings).toMatchObject([{ path: item.entry.path, kind: 'differs' }]);
  });
});

const tool: FakePackage = {
  name: 'tool',
  version: '1',
  files: { '/usr/bin/tool': 'tool', '/usr/lib/tool/data': 'data' },
  conffiles: { '/etc/tool.conf': 'settings' },
  others: ['/usr/lib/tool', '/usr/bin/tool-link', '/etc/tool.d'],
};
const newer: FakePackage = { ...tool, version: '2' };
const others = [folder('/usr/lib/tool'), link('/usr/bin/tool-link', 'tool'), folder('/etc/tool.d')];
const withTool = [...installed([tool]), ...others];
const withNewer = [...installed([newer]), ...others];

/** What is said of an item of a package that the base image has not, or in the same version, or in another. */
function everyWay(item: Item): readonly (string | undefined)[] {
  const { path } = item.entry;
  return [
    said(path, explain([...withTool, item], [])),
    said(path, explain([...withTool, item], withTool)),
    said(path, explain([...withNewer, item], withTool)),
  ];
}

describe('a package', () => {
  test.each([
    ['new', []],
    ['as on the base image', withTool],
    ['in another version', withNewer],
  ])('that is %s explains what it brings', (_what, base) => {
    const { findings, explainers } = explain(withTool, base);
    expect(findings).toEqual([]);
    const paths = ['/usr/bin/tool', '/usr/bin/tool-link', '/usr/lib/tool', '/usr/lib/tool/data', '/etc/tool.conf'];
    for (const path of paths) expect([path, explainers.get(path)]).toEqual([path, 'package']);
  });

  test.each([
    ['another content', file('/usr/bin/tool', 'evil')],
    ['nothing in it', file('/usr/bin/tool')],
    ['a carriage return', file('/usr/bin/tool', 'tool\r')],
    ['a changed configuration file', file('/etc/tool.conf', 'settings of somebody')],
    ['setuid', file('/usr/bin/tool', 'tool', { mode: 0o4755 })],
    ['setgid', file('/usr/bin/tool', 'tool', { mode: 0o2755 })],
    ['rights for others to write', file('/usr/bin/tool', 'tool', { mode: 0o666 })],
    ['another owner', file('/usr/bin/tool', 'tool', { uid: 1000 })],
    ['another group', file('/usr/bin/tool', 'tool', { gid: 1000 })],
    ['a folder that others may write to', folder('/usr/lib/tool', { mode: 0o777 })],
    ['a link of somebody', link('/usr/bin/tool-link', 'tool', { uid: 1000 })],
  ])('does not explain %s', (_what, item) => {
    for (const each of everyWay(item)) expect(each).not.toBe('package');
    expect(everyWay(item)).not.toContain(undefined);
  });

  test('says whose file is changed', () => {
    expect(everyWay(file('/usr/bin/tool', 'evil'))[0]).toBe('not as package tool has it');
    expect(everyWay(file('/usr/bin/tool', 'tool', { mode: 0o4755 }))[0]).toBe(UNUSUAL);
    expect(everyWay(file('/usr/bin/tool', 'tool', { mode: 0o4755 }))[1]).toBe('its mode (4755 for 0644)');
  });

  test('keeps the rights that a file has on the base image', () => {
    const mode = { mode: 0o4755 };
    const setuid = file('/usr/bin/tool', 'tool', mode);
    expect(said('/usr/bin/tool', explain([...withNewer, setuid], [...withTool, setuid]))).toBe('package');
    expect(said('/usr/bin/tool', explain(withNewer, [...withTool, setuid]))).not.toBe('package');
  });

  test.each([
    ['a link', link('/usr/bin/tool', '/usr/lib/tool/data')],
    ['a link out of it', link('/usr/bin/tool', '/tmp/tool')],
    ['a folder', folder('/usr/bin/tool')],
    ['a device', special('/usr/bin/tool', 'block')],
    ['a pipe', special('/usr/bin/tool', 'pipe')],
  ])('does not explain %s where it has a file', (_what, item) => {
    for (const each of everyWay(item)) expect(each).not.toBe('package');
  });

  test.each(['char', 'block', 'pipe', 'socket'] as const)('does not explain a %s where it has a folder', (kind) => {
    for (const each of everyWay(special('/usr/lib/tool', kind))) expect(each).not.toBe('package');
  });

  test.each(['/tmp/tool', '../../tmp/tool', '/var/tmp/x', '/home/admin/tool', '/dev/shm/tool'])(
    'does not explain a link of its that leads to %s',
    (target) => {
      for (const each of everyWay(link('/usr/bin/tool-link', target))) expect(each).not.toBe('package');
    },
  );

  test('says where a link of the base image led', () => {
    const [, same] = everyWay(link('/usr/bin/tool-link', 'other'));
    expect(same).toBe('not as on the base image, which leads to tool');
    expect(everyWay(folder('/usr/bin/tool-link'))[1]).toBe('not as on the base image, which leads to tool');
  });

  test('does not explain what is in none of its lists', () => {
    expect(said('/usr/bin/more', explain([...withTool, file('/usr/bin/more')]))).toBe(NOBODY);
    expect(said('/usr/lib/tool/x', explain([...withTool, file('/usr/lib/tool/x')]))).toBe(NOBODY);
  });

  test('does not explain a file that it has no checksum of', () => {
    const list = file(`${DPKG}/info/tool.list`, '/.\n/usr/bin/tool\n/usr/bin/more\n');
    expect(said('/usr/bin/more', explain([...withTool, list, file('/usr/bin/more')]))).toBe(NOBODY);
  });

  test('that is not configured explains nothing', () => {
    const half = installed([{ ...tool, status: 'install ok unpacked' }]);
    expect(said('/usr/bin/tool', explain(half))).toBe(NOBODY);
  });

  test('that was removed, and its lists left, explains nothing', () => {
    const gone = [...withTool, file(`${DPKG}/status`, '')];
    expect(said('/usr/bin/tool', explain(gone))).toBe(NOBODY);
  });
});

describe('a database that was changed with the file', () => {
  /** The base image's package, with lists that say of a file what somebody put there. */
  function forged(info: readonly Item[], changed: Item): string | undefined {
    return said(changed.entry.path, explain([...withTool, ...info, changed], withTool));
  }
  const evil = file('/usr/bin/tool', 'evil');
  const evilSum = `${hashOf('md5', 'evil')}  usr/bin/tool\n`;

  test('does not explain a file of a package in the version of the base image', () => {
    expect(forged([file(`${DPKG}/info/tool.md5sums`, evilSum)], evil)).not.toBe('package');
  });

  test('does not explain a configuration file of it', () => {
    const [status] = database([{ ...tool, conffiles: { '/etc/tool.conf': 'evil' } }]);
    expect(forged(status === undefined ? [] : [status], file('/etc/tool.conf', 'evil'))).not.toBe('package');
  });

  test('does not explain one that the package of the base image does not have', () => {
    const list = file(`${DPKG}/info/tool.list`, '/.\n/usr/bin/tool\n/usr/bin/evil\n');
    const sums = file(`${DPKG}/info/tool.md5sums`, `${hashOf('md5', 'evil')}  usr/bin/evil\n`);
    const { findings } = explain([...withTool, list, sums, file('/usr/bin/evil', 'evil')], withTool);
    expect(findings.length).toBeGreaterThan(0);
  });

  test('is found itself', () => {
    const sums = file(`${DPKG}/info/tool.md5sums`, evilSum);
    expect(said(`${DPKG}/info/tool.md5sums`, explain([...withTool, sums], withTool))).not.toBe('generated');
  });

  test('is found where a second list stands beside the one that is meant', () => {
    const decoy = file(`${DPKG}/info/tool:amd64.md5sums`, evilSum);
    expect(forged([decoy], evil)).not.toBe('package');
    expect(said(decoy.entry.path, explain([...withTool, decoy], withTool))).not.toBe('generated');
  });

  test('may have lost what another package took over', () => {
    const list = file(`${DPKG}/info/tool.list`, '/.\n/usr/bin/tool\n/etc/tool.conf\n');
    expect(said(`${DPKG}/info/tool.list`, explain([...withTool, list], withTool))).toBe('generated');
  });

  test('is none of another package, by which a file would be explained', () => {
    const other = installed([tool, { name: 'evil', files: {} }]);
    const sums = file(`${DPKG}/info/evil.md5sums`, evilSum);
    expect(said('/usr/bin/tool', explain([...other, sums, evil], withTool))).not.toBe('package');
    expect(said('/usr/bin/tool', explain([...other, sums, evil], withNewer))).not.toBe('package');
  });
});

describe('a provisioner', () => {
  const put: ProvisionedEntry = {
    provisioner: 'base',
    path: '/etc/ours.conf',
    kind: 'file',
    mode: 0o644,
    sha256: hashOf('sha256', 'ours'),
  };

  test('explains what it puts', () => {
    expect(alone(file('/etc/ours.conf', 'ours'), [], { provisioned: [put] })).toBe('provisioner');
  });

  test('has the say over base image and packages', () => {
    const items = installed([{ name: 'tool', files: { '/etc/ours.conf': 'theirs' } }]);
    const found = said('/etc/ours.conf', explain(items, items, { provisioned: [put] }));
    expect(found).toBe('not as provisioner base puts it: its content');
  });

  test('has the say by the exact path before the one by a pattern', () => {
    const tree: ProvisionedEntry = { provisioner: 'tools', path: '/etc/**', kind: 'folder', rule: 'tree' };
    expect(alone(file('/etc/ours.conf', 'theirs'), [], { provisioned: [tree, put] })).toMatch(/provisioner base/);
    expect(alone(file('/etc/theirs.conf', 'theirs'), [], { provisioned: [tree, put] })).toBe('provisioner');
  });

  test('does not have it over a folder that is as on the base image', () => {
    const shared = folder('/var/log/journal', { mode: 0o2755, gid: 999 });
    const provisioned: ProvisionedEntry[] = [{ provisioner: 'limits', path: '/var/log/journal', kind: 'folder' }];
    expect(alone(shared, [shared], { provisioned })).toBe('base image');
    expect(alone(shared, [], { provisioned })).toMatch(/not as provisioner limits puts it/);
  });
});

describe('an installer that is no package', () => {
  const more = {
    installed: ['/usr/bin/nvidia-smi', '/etc/OpenCL/vendors/nvidia.icd', '/srv/x', '/usr/lib/libcuda.so'],
  };

  test.each([
    ['a program', file('/usr/bin/nvidia-smi', 'smi', { mode: 0o755 }), 'provisioner'],
    ['a setting', file('/etc/OpenCL/vendors/nvidia.icd', 'x'), 'provisioner'],
    ['a link', link('/usr/lib/libcuda.so', 'libcuda.so.1'), 'provisioner'],
    ['what is elsewhere', file('/srv/x', 'x'), NOBODY],
    ['what is not named', file('/usr/bin/nvidia-evil', 'x'), NOBODY],
    ['setuid', file('/usr/bin/nvidia-smi', 'smi', { mode: 0o4755 }), UNUSUAL],
    ["somebody's", file('/usr/bin/nvidia-smi', 'smi', { uid: 1000 }), UNUSUAL],
  ])('of %s', (_what, item, expected) => {
    expect(alone(item, [], more)).toBe(expected);
  });

  test.each(['char', 'block', 'pipe', 'socket'] as const)('explains no %s', (kind) => {
    expect(alone(special('/usr/bin/nvidia-smi', kind), [], more)).not.toBe('provisioner');
  });

  test('explains nothing that the base image has otherwise', () => {
    expect(alone(file('/usr/bin/nvidia-smi', 'new'), [file('/usr/bin/nvidia-smi', 'old')], more)).not.toBe(
      'provisioner',
    );
  });

  test('explains nothing that a package has otherwise', () => {
    const items = installed([{ name: 'smi', files: { '/usr/bin/nvidia-smi': 'smi' } }]);
    const found = explain([...items, file('/usr/bin/nvidia-smi', 'evil')], [], more);
    expect(said('/usr/bin/nvidia-smi', found)).toBe('not as package smi has it');
  });

  test.each([
    '/etc/ld.so.preload',
    '/etc/cron.d/evil',
    '/etc/sudoers.d/evil',
    '/etc/profile.d/evil.sh',
    '/etc/systemd/system/multi-user.target.wants/evil.service',
    '/etc/ssh/sshd_config.d/evil.conf',
  ])('explains no %s, whatever its log says', (path) => {
    expect(alone(file(path, 'evil'), [], { installed: [path] })).not.toBe('provisioner');
  });
});

describe('what programs make', () => {
  test('is explained by its content', () => {
    const cloudInit = '# Created by cloud-init v. 22.4.2 on Fri, 27 Nov 2026 20:17:29 +0000\n';
    const rule = 'admin ALL=(ALL) NOPASSWD:ALL\n';
    const path = '/etc/sudoers.d/90-cloud-init-users';
    const before = file(path, `${cloudInit}${rule}`, { mode: 0o440 });
    expect(alone(file(path, rule, { mode: 0o440 }), [before])).toBe('generated');
    expect(alone(file(path, rule, { mode: 0o644 }), [before])).toContain(UNUSUAL);
    expect(alone(file(path, rule, { mode: 0o644 }), [before])).toContain('cloud-init');
    expect(alone(file(path, `${rule}more\n`, { mode: 0o440 }), [before])).toContain('cloud-init');
  });

  test('may be what a package has otherwise', () => {
    const before = installed([{ name: 'locales', files: { '/etc/default/locale': 'LANG=C\n' } }]);
    const ofBase = [...before, file('/etc/default/locale', '# first\nLANG=C.UTF-8\n')];
    const ofImage = [...before, file('/etc/default/locale', '# second\nLANG=C.UTF-8\n')];
    expect(said('/etc/default/locale', explain(ofImage, ofBase))).toBe('generated');
  });
});

describe('capabilities, access lists and flags', () => {
  const capability = { attributes: { 'security.capability': 'AAAC' } };
  const items: readonly (readonly [string, Partial<AuditEntry>, string])[] = [
    ['a capability', capability, 'it has security.capability'],
    ['an access list', { attributes: { 'system.posix_acl_access': 'AgAA' } }, 'it has system.posix_acl_access'],
    ['an attribute', { attributes: { 'user.payload': 'ZXZpbA==' } }, 'it has user.payload'],
    ['a flag', { flags: ['immutable'] }, 'it has immutable'],
    ['two', { ...capability, flags: ['append-only'] }, 'it has append-only, security.capability'],
  ];

  test.each(items)('are found on a file of a package: %s', (_what, more, reason) => {
    expect(said('/usr/bin/tool', explain([...withTool, file('/usr/bin/tool', 'tool', more)]))).toBe(reason);
  });

  test.each(items)('are found on a folder: %s', (_what, more, reason) => {
    expect(alone(folder('/opt/x', more))).toBe(reason);
  });

  test('are found beside what else is wrong', () => {
    const evil = file('/usr/bin/tool', 'evil', capability);
    const found = said('/usr/bin/tool', explain([...withTool, evil]));
    expect(found).toBe('not as package tool has it; it has security.capability');
  });

  test('are the base image’s where it has the same', () => {
    const ping = file('/usr/bin/ping', 'ping', capability);
    expect(alone(ping, [ping])).toBe('base image');
    const more = file('/usr/bin/ping', 'ping', { attributes: { 'security.capability': 'BBBC' } });
    expect(alone(more, [ping])).toBe('it has security.capability');
  });
});

describe('a file of another partition', () => {
  test('is not explained by what the root has at its path', () => {
    const decoy = file('/etc/fstab', 'x');
    const disk = image([file('/etc/fstab', 'x')]);
    const entries = new Map([...disk.entries, ['16:/etc/fstab', { ...decoy.entry, path: '16:/etc/fstab' }]]);
    const input = explainInput([file('/etc/fstab', 'x')], [file('/etc/fstab', 'x')]);
    const { findings, explainers } = explainEntries({ ...input, image: { ...input.image, entries } });
    expect([...explainers.keys()]).toEqual(['/etc/fstab']);
    expect(findings.map(({ path }) => path)).toEqual(['16:/etc/fstab']);
  });
});

describe('partitions', () => {
  const efi: Partition = { ...ROOT_PARTITION, number: 15, fileSystem: 'other', sha256: 'a'.repeat(64), type: 'c12a' };

  test('are as on the base image', () => {
    expect(partitionFindings([ROOT_PARTITION, efi], [ROOT_PARTITION, efi])).toEqual([]);
    expect(partitionFindings([{ ...ROOT_PARTITION, bytes: 2 ** 34 }], [ROOT_PARTITION])).toEqual([]);
  });

  test.each([
    ['another content', { ...efi, sha256: 'b'.repeat(64) }],
    ['another type', { ...efi, type: '0x83' }],
    ['a file system instead', { ...efi, fileSystem: 'ext4' as const, sha256: null }],
  ])('with %s are found', (_what, changed) => {
    expect(partitionFindings([ROOT_PARTITION, changed], [ROOT_PARTITION, efi])).toEqual([
      { path: 'partition 15', kind: 'differs', reason: 'not as on the base image', entry: null },
    ]);
  });

  test('that the base image has not are found', () => {
    expect(partitionFindings([ROOT_PARTITION, efi], [ROOT_PARTITION])).toMatchObject([
      { path: 'partition 15', reason: 'the base image has no such partition' },
    ]);
  });
});
