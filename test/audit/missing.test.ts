import { describe, expect, test } from 'vitest';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import { missingEntries } from '../../src/audit/missing.ts';
import { DPKG, explainInput, type FakePackage, file, folder, type Item, installed, link, MERGED } from './image.ts';

type More = Parameters<typeof explainInput>[2];

function missing(ofImage: readonly Item[], ofBase: readonly Item[] = [], more: More = {}): readonly string[] {
  return missingEntries(explainInput(ofImage, ofBase, more)).map(({ path, reason }) => `${path}: ${reason}`);
}

function without(items: readonly Item[], ...paths: readonly string[]): readonly Item[] {
  return items.filter(({ entry }) => !paths.includes(entry.path));
}

const tool: FakePackage = {
  name: 'tool',
  version: '1',
  files: { '/usr/bin/tool': 'tool', '/bin/old': 'old', '/usr/share/doc/tool/copyright': 'c' },
  conffiles: { '/etc/tool.conf': 'settings' },
  others: ['/usr/lib/tool', '/usr/bin/tool-link'],
};
const more = [folder('/usr/lib/tool'), link('/usr/bin/tool-link', 'tool'), file('/usr/bin/old', 'old')];
const withTool = [...MERGED, ...without(installed([tool]), '/bin/old'), ...more];
const withNewer = [...MERGED, ...without(installed([{ ...tool, version: '2' }]), '/bin/old'), ...more];

describe('of packages', () => {
  test('nothing is missing that is there', () => {
    expect(missing(withTool)).toEqual([]);
    expect(missing(withTool, withTool)).toEqual([]);
    expect(missing(withNewer, withTool)).toEqual([]);
  });

  test.each([
    ['new', []],
    ['as on the base image', withTool],
    ['in another version', withNewer],
  ])('that are %s a file is missing', (_what, base) => {
    expect(missing(without(withTool, '/usr/bin/tool'), base)).toEqual(['/usr/bin/tool: package tool has it']);
    expect(missing(without(withTool, '/usr/bin/old'), base)).toEqual(['/usr/bin/old: package tool has it']);
  });

  test.each(['/etc/tool.conf', '/usr/lib/tool', '/usr/bin/tool-link'])(
    'that are as on the base image %s is',
    (path) => {
      expect(missing(without(withTool, path), withTool)).toEqual([`${path}: the base image has it`]);
    },
  );

  test('that are new a configuration file is', () => {
    expect(missing(without(withTool, '/etc/tool.conf'))).toHaveLength(1);
  });

  test('that the makers of the base image took out is not', () => {
    expect(missing(without(withTool, '/usr/bin/tool'), without(withTool, '/usr/bin/tool'))).toEqual([]);
  });

  test('in another version may have other files', () => {
    const fewer = { ...tool, version: '2', files: { '/usr/bin/tool': 'tool' }, conffiles: {}, others: [] };
    expect(missing([...MERGED, ...installed([fewer])], withTool)).toEqual([]);
  });

  test('a file is, although its checksum is gone as well', () => {
    const sums = file(`${DPKG}/info/tool.md5sums`, '');
    expect(missing([...without(withTool, '/usr/bin/tool'), sums], withTool)).toEqual([
      '/usr/bin/tool: the base image has it',
    ]);
  });

  test('a whole package is', () => {
    const gone = [...MERGED, ...installed([])];
    expect(missing(gone, withTool)).not.toEqual([]);
  });

  test('it is nothing that is diverted', () => {
    const diversions = ['/usr/bin/tool', '/usr/bin/tool.distrib', ':'];
    const items = [...installed([tool], diversions), file('/usr/bin/tool.distrib', 'tool')];
    const before = missing(without(items, '/usr/bin/tool'));
    expect(before.filter((each) => each.startsWith('/usr/bin/tool:'))).toEqual([]);
    expect(missing(without(items, '/usr/bin/tool.distrib'))).toContain('/usr/bin/tool.distrib: package tool has it');
  });

  test('it is nothing whose name has a backslash, and is there', () => {
    const name = '/usr/lib/systemd/system/system-systemd\\x2dcryptsetup.slice';
    const items = installed([{ name: 'systemd', files: { [name]: 'unit' } }]).map(({ entry, content }) => ({
      entry: { ...entry, path: entry.path.replaceAll('\\', '\\\\') },
      content,
    }));
    expect(missing(items)).toEqual([]);
  });
});

describe("dpkg's settings", () => {
  const excludes = (...lines: readonly string[]): Item => file('/etc/dpkg/dpkg.cfg.d/excludes', lines.join('\n'));
  const COPYRIGHT = '/usr/share/doc/tool/copyright';

  /** Whether the copyright of a new package is missed under these settings of the base image. */
  function isMissed(...settings: readonly Item[]): boolean {
    const items = [...without(withTool, COPYRIGHT), ...settings];
    return missing(items, settings).some((each) => each.startsWith(COPYRIGHT));
  }

  test('say what is not unpacked', () => {
    expect(isMissed()).toBe(true);
    expect(isMissed(excludes('path-exclude=/usr/share/doc/*'))).toBe(false);
    expect(isMissed(excludes('path-exclude=/usr/share/doc/tool/copyrigh?'))).toBe(false);
    expect(isMissed(excludes('path-exclude=/usr/share/man/*'))).toBe(true);
    expect(isMissed(excludes('# path-exclude=/usr/share/doc/*'))).toBe(true);
    expect(isMissed(excludes('path-exclude=/usr/share/doc'))).toBe(true);
    expect(isMissed(excludes('path-exclude=/usr/share.doc/*'))).toBe(true);
  });

  test('say what is unpacked nevertheless, the last one being right', () => {
    expect(isMissed(excludes('path-exclude=/usr/share/doc/*', 'path-include=/usr/share/doc/*/copyright'))).toBe(true);
    expect(isMissed(excludes('path-include=/usr/share/doc/*/copyright', 'path-exclude=/usr/share/doc/*'))).toBe(false);
  });

  test('are those of the base image, and in no other file', () => {
    const items = [...without(withTool, COPYRIGHT), excludes('path-exclude=/usr/share/doc/*')];
    expect(missing(items)).toEqual([`${COPYRIGHT}: package tool has it`]);
    expect(isMissed(file('/etc/dpkg/origins/debian', 'path-exclude=/usr/share/doc/*'))).toBe(true);
  });
});

describe('of the base image', () => {
  test.each(['/etc/fstab', '/etc/sudoers.d/x', '/home/admin/.bashrc', '/usr/local/bin/x', '/etc/ssh/sshd_config'])(
    '%s is missed',
    (path) => {
      expect(missing([], [file(path)])).toEqual([`${path}: the base image has it`]);
    },
  );

  test('links and folders are missed', () => {
    expect(missing([], [link('/etc/mtab', 'x'), folder('/opt/x')])).toHaveLength(2);
  });

  test.each([
    '/etc/ssh/ssh_host_rsa_key',
    '/home/admin/.ssh/authorized_keys',
    '/home/admin/.cache/motd.legal-displayed',
    '/root/.ssh/authorized_keys',
    '/etc/netplan/50-cloud-init.yaml',
    '/var/lib/cloud/instance',
    '/var/log/cloud-init.log',
    '/var/lib/systemd/random-seed',
    '/tmp/x',
    '/usr/lib/python3/x/__pycache__/x.pyc',
    '/lost+found',
  ])('%s is not', (path) => {
    expect(missing([], [file(path)])).toEqual([]);
  });

  test.each([
    '/etc/ssh/ssh_known_hosts',
    '/home/admin/.ssh/config',
    '/home/admin/x/.cache',
    '/etc/netplan/50-cloud-init.yaml.d',
    '/var/log.d/x',
    '/srv/lost+found',
    '/etc/systemd/system/timers.target.wants/apt-daily.timer.d',
    '/srv/var/log/x',
  ])('%s is, which is only like such a one', (path) => {
    expect(missing([], [file(path)])).toEqual([`${path}: the base image has it`]);
  });
});

describe('of provisioners', () => {
  const put: ProvisionedEntry = { provisioner: 'base', path: '/etc/ours', kind: 'file' };

  test('what they put is missed, by whom', () => {
    expect(missing([], [], { provisioned: [put] })).toEqual(['/etc/ours: provisioner base puts it']);
    expect(missing([file('/etc/ours')], [], { provisioned: [put] })).toEqual([]);
  });

  test('what need not be there, or has no one path, is not', () => {
    const provisioned: readonly ProvisionedEntry[] = [
      { ...put, isOptional: true },
      { ...put, path: '/srv/**', rule: 'tree' },
      { ...put, path: '/srv/*/x' },
    ];
    expect(missing([], [], { provisioned })).toEqual([]);
  });
});

test('what is missed for two reasons is missed once', () => {
  const put: ProvisionedEntry = { provisioner: 'base', path: '/usr/bin/tool', kind: 'file' };
  const items = without(withTool, '/usr/bin/tool');
  expect(missing(items, withTool, { provisioned: [put] })).toHaveLength(1);
});
