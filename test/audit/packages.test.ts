import { describe, expect, test } from 'vitest';
import { type Packages, packagesOf, realPath, stanzasOf } from '../../src/audit/packages.ts';
import { DPKG, database, type FakePackage, file, hashOf, type Item, image, link, MERGED } from './image.ts';

function packages(
  all: readonly FakePackage[],
  more: readonly Item[] = [],
  diversions: readonly string[] = [],
): Packages {
  return packagesOf(image([...MERGED, ...database(all, diversions), ...more]));
}

const tool: FakePackage = {
  name: 'tool',
  version: '2:1.0-3',
  files: { '/usr/bin/tool': 'tool' },
  conffiles: { '/etc/tool.conf': 'settings' },
  others: ['/usr', '/usr/bin', '/usr/bin/tool-link'],
};

describe('stanzas', () => {
  test('are fields, with further lines of a field', () => {
    expect(stanzasOf('A: 1\nLong:\n x: 1\n y\nB-c:  2\n\n\nA: 3\n\n')).toEqual([
      { A: '1', Long: '\n x: 1\n y', 'B-c': ' 2' },
      { A: '3' },
    ]);
  });

  test('of an empty text there are none', () => {
    expect(stanzasOf('\n\n \n')).toEqual([]);
  });
});

describe("dpkg's database", () => {
  test('says versions, owners and checksums', () => {
    const found = packages([tool]);
    expect([...found.versions]).toEqual([['tool', '2:1.0-3']]);
    expect([...found.owners.keys()]).toEqual([
      '/usr/bin/tool',
      '/etc/tool.conf',
      '/usr',
      '/usr/bin',
      '/usr/bin/tool-link',
    ]);
    expect([...found.checksums]).toEqual([['/usr/bin/tool', hashOf('md5', 'tool')]]);
    expect([...found.configuration]).toEqual([['/etc/tool.conf', hashOf('md5', 'settings')]]);
    expect(found.diversions.size).toBe(0);
  });

  test('of a disk that has none is empty', () => {
    const { versions, owners } = packagesOf(image([]));
    expect([versions.size, owners.size]).toEqual([0, 0]);
  });

  test.each([
    ['install ok installed', true],
    ['hold ok installed', true],
    ['install ok triggers-pending', true],
    ['install ok triggers-awaited', true],
    ['deinstall ok config-files', false],
    ['install ok unpacked', false],
    ['install ok half-configured', false],
    ['install reinstreq half-installed', false],
    ['purge ok not-installed', false],
  ])('has a package whose status is %s: %s', (status, isThere) => {
    expect(packages([{ ...tool, status }]).versions.has('tool')).toBe(isThere);
    expect(packages([{ ...tool, status }]).owners.has('/usr/bin/tool')).toBe(isThere);
  });

  test('has the files of packages that several architectures may be installed of', () => {
    const found = packages([{ ...tool, name: 'lib', multiArch: 'same' }]);
    expect(found.owners.get('/usr/bin/tool')).toEqual(['lib']);
    expect(found.checksums.size).toBe(1);
  });

  test('keeps the version of each architecture', () => {
    const lib = { name: 'lib', multiArch: 'same' };
    const found = packages([
      { ...lib, version: '1' },
      { ...lib, version: '2', architecture: 'i386' },
    ]);
    expect(found.versions.get('lib')).toBe('1');
    expect([...found.versions.values()]).toContain('2');
  });

  test('takes no list for the one of a package that is named as another architecture would name it', () => {
    const decoy = file(`${DPKG}/info/tool:amd64.md5sums`, `${hashOf('md5', 'evil')}  usr/bin/tool\n`);
    expect(packages([tool], [decoy]).checksums.get('/usr/bin/tool')).toBe(hashOf('md5', 'tool'));
  });

  test('names every package that has a folder', () => {
    expect(packages([tool, { name: 'other', others: ['/usr/bin'] }]).owners.get('/usr/bin')).toEqual(['tool', 'other']);
  });

  test('takes no checksum of a package for what is not in its list', () => {
    const evil = file(`${DPKG}/info/evil.md5sums`, `${hashOf('md5', 'evil')}  usr/bin/tool\n`);
    const found = packages([tool, { name: 'evil' }], [evil]);
    expect(found.owners.get('/usr/bin/tool')).toEqual(['tool']);
    expect(found.checksums.get('/usr/bin/tool')).toBe(hashOf('md5', 'tool'));
  });

  test('takes no configuration file of a package that is not in its list', () => {
    const all = [tool, { name: 'evil', conffiles: { '/etc/tool.conf': 'evil' } }];
    const found = packages(all, [file(`${DPKG}/info/evil.list`, '/.\n')]);
    expect(found.configuration.get('/etc/tool.conf')).toBe(hashOf('md5', 'settings'));
  });

  test.each(['obsolete', 'remove-on-upgrade'])('leaves out a configuration file that is %s', (note) => {
    const status = file(
      `${DPKG}/status`,
      `Package: tool\nStatus: install ok installed\nVersion: 1\nConffiles:\n /etc/old ${'0'.repeat(32)} ${note}\n`,
    );
    expect(packages([tool], [status]).configuration.size).toBe(0);
  });

  test('has paths as the disk has them, where a name has a backslash', () => {
    const unit = '/usr/lib/systemd/system/system-systemd\\x2dcryptsetup.slice';
    const found = packages([{ name: 'systemd', files: { [unit]: 'unit' } }]);
    const written = unit.replaceAll('\\', '\\\\');
    expect([...found.owners.keys()]).toEqual([written]);
    expect([...found.checksums.keys()]).toEqual([written]);
  });

  test('knows a file by where it is when / has links into /usr', () => {
    const found = packages([{ name: 'old', files: { '/bin/old': 'old', '/lib/x/old.so': 'so' } }]);
    expect([...found.owners.keys()]).toEqual(['/usr/bin/old', '/usr/lib/x/old.so']);
    expect([...found.checksums.keys()]).toEqual(['/usr/bin/old', '/usr/lib/x/old.so']);
  });

  test('leaves paths alone when / has none', () => {
    const found = packagesOf(image(database([{ name: 'old', files: { '/bin/old': 'old' } }])));
    expect([...found.owners.keys()]).toEqual(['/bin/old']);
  });
});

describe('diversions', () => {
  const dash: FakePackage = { name: 'dash', files: { '/bin/sh': 'dash' } };
  const bash: FakePackage = { name: 'bash', files: { '/bin/sh': 'bash' } };

  test('are of everybody but the package that made them', () => {
    const found = packages([dash, bash], [], ['/bin/sh', '/bin/sh.distrib', 'dash']);
    expect(found.owners.get('/usr/bin/sh')).toEqual(['dash']);
    expect(found.owners.get('/usr/bin/sh.distrib')).toEqual(['bash']);
    expect(found.checksums.get('/usr/bin/sh')).toBe(hashOf('md5', 'dash'));
    expect(found.checksums.get('/usr/bin/sh.distrib')).toBe(hashOf('md5', 'bash'));
    expect([...found.diversions]).toEqual([['/usr/bin/sh', '/usr/bin/sh.distrib']]);
  });

  test('of no package are of every package', () => {
    const found = packages([dash], [], ['/bin/sh', '/bin/sh.real', ':']);
    expect(found.owners.has('/usr/bin/sh')).toBe(false);
    expect(found.checksums.get('/usr/bin/sh.real')).toBe(hashOf('md5', 'dash'));
  });

  test('are of configuration files as well', () => {
    const found = packages([tool], [], ['/etc/tool.conf', '/etc/tool.conf.real', ':']);
    expect([...found.configuration.keys()]).toEqual(['/etc/tool.conf.real']);
  });
});

describe('where a path really is', () => {
  const { entries } = image([...MERGED, link('/opt', 'usr/opt'), link('/lib32', '/srv/lib32')]);

  test.each([
    ['/bin/x', '/usr/bin/x'],
    ['/lib64/ld.so', '/usr/lib64/ld.so'],
    ['/usr/bin/x', '/usr/bin/x'],
    ['/var/lib/x', '/var/lib/x'],
    ['/opt/x', '/opt/x'],
    ['/lib32/x', '/lib32/x'],
    ['/libx32/x', '/libx32/x'],
    ['/bin', '/bin'],
    ['/', '/'],
    // One letter more than the name of such a folder, and in no folder itself.
    ['/binx', '/binx'],
  ])('%s: %s', (path, real) => {
    expect(realPath(entries, path)).toBe(real);
  });
});
