import { describe, expect, test } from 'vitest';
import { packageDigests } from '#contracts/package-lists.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import { type DiskInput, type ExplainedDisk, explainDisk } from '../../src/audit/explain-disk.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import {
  DPKG,
  database,
  type FakePackage,
  file,
  folder,
  hashOf,
  type Item,
  image,
  installed,
  link,
  plan,
  unread,
} from './image.ts';

const NOW = new Date('2026-11-27T12:00:00Z');

type More = Partial<Pick<BuildPlan, 'provisioned' | 'auditExceptions'>> &
  Partial<Pick<DiskInput, 'steps' | 'others' | 'told'>>;

function explained(ofImage: readonly Item[], ofBase: readonly Item[], more: More = {}): ExplainedDisk {
  const { steps = [], others = [], told = null, ...planned } = more;
  return explainDisk({ image: image(ofImage), base: image(ofBase), plan: plan(planned), steps, others, told }, NOW);
}

const tool = { name: 'tool', files: { '/usr/bin/tool': 'tool' } };

describe('a disk', () => {
  test('that is the base image’s has nothing to tell', () => {
    const items = [...installed([tool]), folder('/etc'), file('/etc/fstab', 'x'), link('/etc/mtab', '/proc/mounts')];
    const { findings, missing, excepted, unneeded } = explained(items, items);
    expect([findings, missing, excepted, unneeded]).toEqual([[], [], [], []]);
  });

  test('is counted by who explains it', () => {
    const provisioned: ProvisionedEntry[] = [{ provisioner: 'base', path: '/etc/ours', kind: 'file', mode: 0o644 }];
    const base = [...database([tool]), file('/etc/fstab', 'x')];
    const more = [
      file('/usr/bin/tool', 'tool'),
      folder('/opt'),
      file('/etc/machine-id'),
      file('/etc/ours'),
      file('/x'),
    ];
    const { counts, explainers } = explained([...base, ...more], base, { provisioned });
    expect(counts).toEqual({ package: 1, provisioner: 1, 'base image': 4, folder: 1, generated: 1 });
    expect(explainers.get('/etc/machine-id')).toBe('generated');
    expect(explainers.has('/x')).toBe(false);
  });

  test('has findings with the step in whose time they came about', () => {
    const steps = [
      { name: 'packages', from: 100, to: 200 },
      { name: 'docker', from: 200, to: 300 },
    ];
    const late = file('/opt/late', 'x', { ctime: 250, crtime: 250 });
    const { findings } = explained([late, file('/opt/unknown', 'x', { ctime: 900 })], [], { steps });
    expect(findings.map(({ path, step }) => [path, step])).toEqual([
      ['/opt/late', 'docker'],
      ['/opt/unknown', null],
    ]);
  });

  test('has no other volumes', () => {
    expect(explained([], [], { others: ['/dev/sdb', '/dev/sdc'] }).findings).toMatchObject([
      { path: 'volume /dev/sdb', kind: 'unexplained', reason: 'hosts would get it as well', step: null },
      { path: 'volume /dev/sdc' },
    ]);
  });

  test('has what is missing apart', () => {
    const { findings, missing } = explained([file('/x')], [file('/etc/fstab')]);
    expect(findings.map(({ path }) => path)).toEqual(['/x']);
    expect(missing).toMatchObject([{ path: '/etc/fstab', kind: 'missing', entry: null, step: null }]);
  });

  test('lets pass what an exception names, whether it is there, changed or missing', () => {
    const reason = 'ours';
    const expires = '2026-11-27';
    const auditExceptions = ['/x', '/srv/**', '/etc/fstab', '/etc/changed', '/unneeded'].map((path) => ({
      ...{ path, reason, expires },
    }));
    const there = [file('/x'), file('/srv/a'), file('/srv/b/c'), file('/etc/changed', 'b')];
    const found = explained(there, [file('/etc/fstab'), file('/etc/changed', 'a')], { auditExceptions });
    expect([...found.findings, ...found.missing]).toEqual([]);
    expect(found.excepted.map(({ path }) => path)).toEqual(['/x', '/srv/a', '/srv/b/c', '/etc/changed', '/etc/fstab']);
    expect(found.unneeded.map(({ path }) => path)).toEqual(['/unneeded']);
  });
});

describe('what is searched for secrets', () => {
  test('is every file but those that a package, the base image or a known content explains', () => {
    const provisioned: ProvisionedEntry[] = [
      { provisioner: 'base', path: '/etc/known', kind: 'file', sha256: hashOf('sha256', 'known') },
      { provisioner: 'base', path: '/etc/unknown', kind: 'file' },
      { provisioner: 'base', path: '/srv/tree/**', kind: 'folder', rule: 'tree' },
    ];
    const base = [...database([tool]), file('/etc/fstab', 'x')];
    const more = [
      ...['/etc/unknown', '/srv/tree/file', '/left', '/var/log/empty', '/etc/machine-id'].map((path) => file(path)),
      ...[file('/usr/bin/tool', 'tool'), file('/etc/known', 'known'), folder('/opt'), link('/srv/tree/link', '/')],
    ];
    const { toSearch } = explained([...base, ...more], base, { provisioned });
    const ofDpkg = base.map(({ entry }) => entry.path).filter((path) => path !== '/etc/fstab');
    expect([...toSearch].filter((path) => !ofDpkg.includes(path)).sort()).toEqual(
      ['/etc/machine-id', '/etc/unknown', '/left', '/srv/tree/file', '/var/log/empty'].sort(),
    );
  });

  test('has what differs from its package or the base image', () => {
    const items = installed([tool]);
    const changed = [file('/usr/bin/tool', 'evil'), file('/etc/fstab', 'changed')];
    const { toSearch } = explained([...items, ...changed], [...items, file('/etc/fstab')]);
    expect(toSearch).toContain('/usr/bin/tool');
    expect(toSearch).toContain('/etc/fstab');
  });
});

describe('the log of an installer', () => {
  const log = '/var/lib/nvidia/log';
  const provisioned: ProvisionedEntry[] = [{ provisioner: 'nvidia', path: log, kind: 'file', rule: 'installer-log' }];
  const text = '# NVIDIA\n1: /usr/bin/nvidia-smi\n/usr/lib/libcuda.so.1\n/srv/x\n';

  test('explains what it names', () => {
    const files = ['/usr/bin/nvidia-smi', '/usr/lib/libcuda.so.1', '/srv/x'].map((path) => file(path, 'x'));
    const { findings, explainers } = explained([file(log, text), ...files], [], { provisioned });
    expect(findings.map(({ path }) => path)).toEqual(['/srv/x']);
    expect(explainers.get('/usr/bin/nvidia-smi')).toBe('provisioner');
    expect(explainers.get(log)).toBe('provisioner');
  });

  test('explains nothing where no provisioner has one, or its content is not known', () => {
    const smi = file('/usr/bin/nvidia-smi', 'x');
    expect(explained([file(log, text), smi], []).findings).toHaveLength(2);
    expect(explained([unread(log, text), smi], [], { provisioned }).findings.map(({ path }) => path)).toEqual([
      '/usr/bin/nvidia-smi',
    ]);
  });
});

describe('what the bake told of packages', () => {
  const sudo: FakePackage = {
    name: 'sudo',
    version: '1',
    files: { '/usr/bin/sudo': 'sudo' },
    conffiles: { '/etc/sudoers': 'few' },
    others: ['/usr/bin/sudo-link'],
  };
  const items = [...installed([sudo, tool]), link('/usr/bin/sudo-link', 'sudo')];

  function toldOf(all: readonly Item[]): Readonly<Record<string, string>> {
    const { contents } = image(all);
    const info = [...contents].filter(([path]) => path.startsWith(`${DPKG}/info/`));
    const files = new Map(info.map(([path, content]) => [path.slice(`${DPKG}/info/`.length), content]));
    return packageDigests(files, String(contents.get(`${DPKG}/status`)));
  }

  /** What is found of an image that had these items and got others since, on an empty base image. */
  function since(changes: readonly Item[], without: readonly string[] = []): readonly string[] {
    const kept = items.filter(({ entry }) => !without.includes(entry.path));
    const { findings, missing } = explained([...kept, ...changes], [], { told: toldOf(items) });
    return [...findings, ...missing].map(({ path }) => path);
  }

  const status = `${DPKG}/status`;
  const text = String(image(items).contents.get(status));
  const evilSudoers = file('/etc/sudoers', 'all');
  const evilLine = ` /etc/sudoers ${hashOf('md5', 'all')}\n`;

  test('is so still', () => {
    expect(since([])).toEqual([]);
    expect(since([], [])).toEqual([]);
  });

  test('finds out a checksum that was changed with its file', () => {
    const sums = file(`${DPKG}/info/sudo.md5sums`, `${hashOf('md5', 'evil')}  usr/bin/sudo\n`);
    expect(since([file('/usr/bin/sudo', 'evil'), sums])).toContain(`${DPKG}/info/sudo.md5sums`);
  });

  test('finds out a script that was changed or added', () => {
    expect(since([file(`${DPKG}/info/sudo.postinst`, 'evil', { mode: 0o755 })])).toContain(
      `${DPKG}/info/sudo.postinst`,
    );
  });

  test('finds out a package that came since', () => {
    const [, ...evil] = database([{ name: 'evil', files: { '/usr/bin/evil': 'evil' } }]);
    const added = file(status, `${text}Package: evil\nStatus: install ok installed\nVersion: 1\n\n`);
    expect(since([...evil, added, file('/usr/bin/evil', 'evil')])).toContain(`${DPKG}/info/evil.list`);
  });

  test('finds out a package that went since', () => {
    const gone = [`${DPKG}/info/sudo.list`, `${DPKG}/info/sudo.md5sums`, '/usr/bin/sudo', '/etc/sudoers'];
    const [, stanza = ''] = /(Package: tool\n[\s\S]*?\n\n)/.exec(text) ?? [];
    expect(since([file(status, stanza)], [...gone, '/usr/bin/sudo-link'])).not.toEqual([]);
  });

  test('finds out the checksum of a configuration file', () => {
    const changed = file(status, text.replace(hashOf('md5', 'few'), hashOf('md5', 'all')));
    expect(since([evilSudoers, changed])).not.toEqual([]);
  });

  test('finds out a second field of configuration files', () => {
    const changed = file(status, text.replace('Description: sudo', `Conffiles:\n${evilLine}Description: sudo`));
    expect(since([evilSudoers, changed])).not.toEqual([]);
  });

  test('finds out a configuration file of a package that has no lists', () => {
    const evil = `Package: evil\nStatus: install ok installed\nVersion: 1\nConffiles:\n${evilLine}\n`;
    expect(since([evilSudoers, file(status, `${text}${evil}`)])).not.toEqual([]);
  });

  test('finds out a configuration file of a package that had none', () => {
    const changed = file(status, text.replace('Description: tool', `Conffiles: \n${evilLine}Description: tool`));
    expect(since([evilSudoers, changed])).not.toEqual([]);
  });

  test('finds out a version that was changed', () => {
    expect(since([file(status, text.replace('Version: 1', 'Version: 2'))])).not.toEqual([]);
  });
});
