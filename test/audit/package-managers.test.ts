import { describe, expect, test } from 'vitest';
import { explainEntries } from '../../src/audit/explain.ts';
import {
  DPKG,
  database,
  explainInput,
  type FakePackage,
  file,
  folder,
  type Item,
  installed,
  link,
  ruled,
  special,
  unread,
  view,
} from './image.ts';

const awk = ['auto', '/usr/bin/awk', 'awk.1.gz', '/usr/share/man/man1/awk.1.gz', ''];
const GROUP = file(
  `${DPKG}/alternatives/awk`,
  [...awk, '/usr/bin/mawk', '5', '/usr/share/man/man1/mawk.1.gz', '', ''].join('\n'),
);
const packages: readonly FakePackage[] = [
  {
    name: 'mawk',
    files: { '/usr/bin/mawk': 'mawk', '/usr/share/man/man1/mawk.1.gz': 'man' },
    scripts: { postinst: '#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5\n' },
  },
  {
    name: 'coreutils',
    files: { '/usr/bin/true': 'true' },
    others: ['/usr/bin'],
    scripts: { postinst: '#!/bin/sh\nupdate-alternatives --install /usr/bin/pager pager /usr/bin/true 1\n' },
  },
];
const LINKS = [
  link('/usr/bin/awk', '/etc/alternatives/awk'),
  link('/usr/share/man/man1/awk.1.gz', '/etc/alternatives/awk.1.gz'),
  link('/etc/alternatives/awk', '/usr/bin/mawk'),
  link('/etc/alternatives/awk.1.gz', '/usr/share/man/man1/mawk.1.gz'),
];
const items = [...installed(packages), GROUP, ...LINKS];

/** What is said of an item on an image that has all of this. */
function judged(item: Item, more: readonly Item[] = [], base: readonly Item[] = []): string | null {
  return ruled(item.entry.path, view([...items, ...more, item], base));
}

describe('an alternative', () => {
  test.each([...LINKS, GROUP])('is explained, with its group: %#', (item) => {
    expect(judged(item)).toBeNull();
  });

  test.each([
    ['a file of no package', '/usr/bin/evil'],
    ['a file of a package that is none of the group', '/usr/bin/true'],
    ['a folder', '/usr/bin'],
    ['a file by a long way', '/usr/bin/../../tmp/mawk'],
    ['a file by a long way in /usr', '/usr/bin/../bin/mawk'],
    ['a file beside it', 'mawk'],
    ['nothing', ''],
  ])('does not lead to %s', (_what, target) => {
    expect(judged(link('/etc/alternatives/awk', target), [file('/usr/bin/evil')])).not.toBeNull();
  });

  test('has a link that its group has', () => {
    expect(judged(link('/usr/bin/evil', '/etc/alternatives/awk'))).toBe('no group of alternatives has it');
    expect(judged(link('/usr/bin/aw', '/etc/alternatives/awk'))).toBe('no group of alternatives has it');
  });

  test('has the link of its own group, and of no other', () => {
    const pager = file(`${DPKG}/alternatives/pager`, 'auto\n/usr/bin/pager\n\n/usr/bin/true\n1\n\n');
    const more = [pager, link('/etc/alternatives/pager', '/usr/bin/true')];
    expect(judged(link('/usr/bin/pager', '/etc/alternatives/pager'), more)).toBeNull();
    expect(judged(link('/usr/bin/awk', '/etc/alternatives/pager'), more)).not.toBeNull();
    expect(judged(link('/usr/bin/awk', '/etc/alternatives/awk.1.gz'))).not.toBeNull();
  });

  test('is no link that stands where one of its files was', () => {
    expect(judged(link('/usr/bin/mawk', '/etc/alternatives/awk'))).not.toBeNull();
  });

  test.each(['/etc/alternatives/../../tmp/awk', '/etc/alternatives/missing', '/etc/alternatives/'])(
    'has no link to %s',
    (target) => {
      expect(judged(link('/usr/bin/awk', target))).not.toBeNull();
    },
  );

  test.each([
    ['a file of no package', 'auto\n/usr/bin/awk\n\n/usr/bin/evil\n5\n\n'],
    ['carriage returns', 'auto\r\n/usr/bin/awk\r\n\r\n/usr/bin/mawk\r\n5\r\n\r\n'],
    ['nothing', ''],
    ['a script', '#!/bin/sh\npayload\n'],
  ])('has no group of %s', (_what, text) => {
    expect(judged(file(`${DPKG}/alternatives/awk`, text))).not.toBeNull();
  });

  test('has a group that a package made', () => {
    const group = file(`${DPKG}/alternatives/docker`, 'auto\n/usr/local/sbin/docker\n\n/usr/bin/true\n1\n\n');
    const own = link('/usr/local/sbin/docker', '/etc/alternatives/docker');
    const chosen = link('/etc/alternatives/docker', '/usr/bin/true');
    expect(judged(group, [own, chosen])).not.toBeNull();
    expect(judged(own, [group, chosen])).not.toBeNull();
    expect(judged(chosen, [group, own])).not.toBeNull();
  });

  test('has a group whose content is known, in a file', () => {
    expect(judged(unread(`${DPKG}/alternatives/x`))).toBe('its content is not known');
    expect(judged(link(`${DPKG}/alternatives/x`, '/tmp/x'))).not.toBeNull();
    expect(judged(special(`${DPKG}/alternatives/x`, 'pipe'))).not.toBeNull();
  });

  test('is no file in the folder of links', () => {
    expect(judged(file('/etc/alternatives/awk', 'evil'))).toBe('no rule');
  });
});

describe("files of dpkg's database", () => {
  test.each(['list', 'md5sums', 'conffiles', 'postinst', 'triggers', 'shlibs'])('are of packages: %s', (kind) => {
    expect(judged(file(`${DPKG}/info/mawk.${kind}`))).toBeNull();
    expect(judged(file(`${DPKG}/info/evil.${kind}`))).toBe('no package is installed that it would be of');
  });

  test('may have an architecture, or be of a package that the base image has', () => {
    const lib = database([{ name: 'lib', multiArch: 'same' }]);
    expect(ruled(`${DPKG}/info/lib:amd64.list`, view(lib))).toBeNull();
    expect(judged(file(`${DPKG}/info/old.list`), [], database([{ name: 'old' }]))).toBeNull();
  });

  test.each([
    'mawk',
    'mawk.sh',
    'mawk.list.bak',
    'x/mawk.list',
    'mawk.list/x',
    '.list',
    '../mawk.list',
    'mawk.postinst ',
  ])('have a name that dpkg gives: %s', (name) => {
    expect(judged(file(`${DPKG}/info/${name}`))).not.toBeNull();
  });

  test.each(['link', 'folder', 'pipe'] as const)('are files, and no %s', (kind) => {
    const path = `${DPKG}/info/mawk.postinst`;
    const other = { link: link(path, '/tmp/x'), folder: folder(path), pipe: special(path, 'pipe') }[kind];
    expect(judged(other)).not.toBeNull();
  });

  test('say which packages there are', () => {
    for (const name of ['status', 'status-old']) {
      const right = 'Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: x\nVersion: 2\n\n';
      expect(judged(file(`${DPKG}/${name}`, right))).toBeNull();
      expect(judged(file(`${DPKG}/${name}`, `${right}Payload: x\n\n`))).toBe('a paragraph is no package');
      expect(judged(file(`${DPKG}/${name}`, `#!/bin/sh\nrm -rf /\n\n${right}`))).toBe('a paragraph is no package');
      expect(judged(unread(`${DPKG}/${name}`))).toBe('its content is not known');
    }
  });

  test('say what waits for triggers', () => {
    const path = `${DPKG}/triggers/File`;
    expect(judged(file(path, '/usr/lib/x mawk/noawait\n/usr/lib/y coreutils\n'))).toBeNull();
    expect(judged(file(path, '/usr/lib/x mawk:amd64\n'))).toBeNull();
    expect(judged(file(`${DPKG}/triggers/Lock`))).toBeNull();
    expect(judged(file(path, '/usr/lib/x evil\n'))).toBe('it names evil, which is no package');
    expect(judged(unread(path))).toBe('its content is not known');
  });

  test('have nothing hidden where dpkg writes no comments', () => {
    const hidden = '#!/bin/sh\n# payload, payload\n';
    expect(judged(file(`${DPKG}/triggers/File`, `${hidden}/usr/lib/x mawk\n`))).not.toBeNull();
    expect(judged(file(`${DPKG}/triggers/payload.sh`, hidden))).not.toBeNull();
  });
});

describe('diversions', () => {
  const DASH = ['/bin/sh', '/bin/sh.distrib', 'dash'];
  const RUNC = ['/usr/sbin/runc', '/usr/sbin/runc.distrib', ':'];

  function diverted(lines: readonly string[], base: readonly string[] = DASH, name = 'diversions'): string | null {
    const text = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
    return judged(file(`${DPKG}/${name}`, text(lines)), [], [file(`${DPKG}/diversions`, text(base))]);
  }

  test('are of the shell and of runc, or as on the base image', () => {
    expect(diverted([...DASH, ...RUNC])).toBeNull();
    expect(diverted([...DASH, '/usr/bin/runc', '/usr/bin/runc.distrib', ':'])).toBeNull();
    expect(diverted(DASH, [], 'diversions-old')).toBeNull();
    const theirs = ['/usr/bin/x', '/usr/bin/x.theirs', 'x'];
    expect(diverted(theirs, theirs)).toBeNull();
    expect(diverted(theirs)).toBe('it diverts /usr/bin/x, /usr/bin/x.theirs');
  });

  test.each([
    ['a program', ['/usr/bin/sudo', '/usr/bin/sudo.distrib', ':']],
    ['to elsewhere', ['/usr/sbin/runc', '/tmp/runc', ':']],
    ['a page of another folder', ['/srv/man1/sh.1.gz', '/srv/man1/sh.distrib.1.gz', ':']],
    ['one known file to another', ['/usr/sbin/runc', '/bin/sh', ':']],
    ['to itself', ['/usr/sbin/runc', '/usr/sbin/runc', ':']],
    ['by somebody else', ['/usr/sbin/runc', '/usr/sbin/runc.distrib', 'evil']],
    ['with a line too few', ['/usr/sbin/runc', '/usr/sbin/runc.distrib']],
    ['with a line that is none', ['#payload', ...RUNC]],
  ])('are not of %s', (_what, lines) => {
    expect(diverted([...DASH, ...lines])).not.toBeNull();
  });

  test('of the base image stay by whom they are', () => {
    expect(diverted(['/bin/sh', '/bin/sh.distrib', ':'])).not.toBeNull();
  });
});

describe('states of apt', () => {
  const path = '/var/lib/apt/extended_states';

  test('are of packages, with what apt says of them', () => {
    expect(judged(file(path, 'Package: mawk\nArchitecture: amd64\nAuto-Installed: 1\n\n'))).toBeNull();
    expect(judged(file(path, 'Package: evil\nArchitecture: amd64\nAuto-Installed: 1\n\n'))).toBe('it names evil');
    expect(judged(file(path, 'Package: mawk\nPayload: x\n\n'))).toBe('it names mawk');
    expect(judged(file(path, 'payload\n\nPackage: mawk\n\n'))).not.toBeNull();
    expect(judged(unread(path))).toBe('its content is not known');
  });

  test.each(['Auto-Installed: 1\n payload', 'Auto-Installed: $(payload)', 'Architecture: a b c'])(
    'have no more than that: %j',
    (field) => {
      expect(judged(file(path, `Package: mawk\n${field}\n\n`))).not.toBeNull();
    },
  );
});

describe('kernels that apt keeps', () => {
  const path = '/etc/apt/apt.conf.d/01autoremove-kernels';
  const first = '// DO NOT EDIT! File autogenerated by /etc/kernel/postinst.d/apt-auto-removal\n';
  const list = `${first}APT::NeverAutoRemove
{
   "^linux-image-5\\.4\\.0-1009-aws$";
   "^.*-modules-5\\.4\\.0-1009-aws$";
};
/* Debug information:
# dpkg list:
ii  linux-image-5.4.0-1009-aws 5.4.0-1009.9 amd64
*/
`;

  test('are the newest, or a list of patterns with its reasons', () => {
    expect(judged(file(path, `${first}APT::LastInstalledKernel "5.15.0-1084-aws";\n`))).toBeNull();
    expect(judged(file(path, list))).toBeNull();
    expect(judged(unread(path))).toBe('its content is not known');
  });

  test.each([
    `${first}APT::LastInstalledKernel "5"; DPkg::Post-Invoke { "payload"; };\n`,
    `${first}DPkg::Post-Invoke { "payload"; };\n`,
    `${first}#include "/tmp/x"\n`,
    list.replace('};\n', '};\nAPT::Get::AllowUnauthenticated "true";\n'),
    list.replace('*/', '*/ APT::x "y";'),
    list.replace('*/\n', ''),
    // What looks like a comment, and to apt is none: behind another, and in quotes.
    `${first.trimEnd()}/*\nDPkg::Post-Invoke { "payload"; };\n*/\n`,
    list.replace('"^linux-image-', '"^linux-/*\nDPkg::Post-Invoke { "payload"; };\n*/image-'),
    list.replace('*/', '*/ APT::x "y";\n*/'),
  ])('are nothing else: %#', (text) => {
    expect(judged(file(path, text))).toMatch(/^it says /);
  });
});

describe('answers to questions of packages', () => {
  const path = '/var/cache/debconf/config.dat';
  const right = 'Name: mawk/x\nTemplate: mawk/x\nValue: true\nOwners: mawk\nFlags: seen\n\n';

  test('are of packages', () => {
    expect(judged(file(path, right))).toBeNull();
    expect(judged(file(path, right.replace('Owners: mawk', 'Owners: gone, mawk:amd64')))).toBeNull();
    expect(judged(file(path, right.replace('Owners: mawk', 'Owners: evil')))).toBe('it has mawk/x, of no package');
    expect(judged(file(path, right.replace('Owners: mawk\n', '')))).toBe('it has mawk/x, of no package');
    expect(judged(file(path, `${right}Name: x\nPayload: x\nOwners: mawk\n\n`))).toBe('it has x, of no package');
    expect(judged(unread(path))).toBe('its content is not known');
  });

  test('may be of the base image, of no package that is there', () => {
    const old = 'Name: old/x\nValue: 1\nOwners: old\n\n';
    expect(judged(file(path, `${right}${old}`), [], [file(path, old)])).toBeNull();
  });

  test('have templates with more fields', () => {
    const template = 'Name: mawk/x\nType: boolean\nDescription: x\n y\nDescription-de.UTF-8: x\nOwners: mawk/x\n\n';
    expect(judged(file('/var/cache/debconf/templates.dat', template))).toBeNull();
    expect(
      judged(file('/var/cache/debconf/templates.dat-old', template.replace('mawk/x\n\n', 'evil/x\n\n'))),
    ).not.toBeNull();
  });

  test('are in no other file', () => {
    for (const name of ['passwords.dat', 'config.dat.x', 'x.dat', 'config.dat-old-old'])
      expect(judged(file(`/var/cache/debconf/${name}`, right))).toBe('no rule');
  });
});

describe("apt's own folders", () => {
  const passwd = file('/etc/passwd', 'root:x:0:0::/:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n');
  const path = '/var/lib/apt/lists/partial';

  test('are its user’s, or root’s', () => {
    expect(judged(folder(path, { mode: 0o700, uid: 42 }), [passwd])).toBeNull();
    expect(judged(folder(path, { mode: 0o700 }), [passwd])).toBeNull();
    expect(judged(folder(path, { mode: 0o700, uid: 42 }))).toBe('its owner');
    expect(judged(folder(path, { mode: 0o700, uid: 1000 }), [passwd])).toBe('its owner');
    expect(judged(folder(path, { mode: 0o700, gid: 42 }), [passwd])).toBe('its owner');
  });

  test('are open to nobody else, and folders', () => {
    expect(judged(folder(path, { mode: 0o777 }))).toBe('others may write to it');
    expect(judged(folder(path, { mode: 0o1755 }))).toBe('others may write to it');
    expect(judged(link(path, '/tmp'))).toBe('others may write to it');
    expect(judged(file(`${path}/x`))).toBe('no rule');
  });
});

describe('what a package has otherwise', () => {
  test('no rule makes good', () => {
    const changed = link('/usr/bin/mawk', '/etc/alternatives/awk');
    const { findings } = explainEntries(explainInput([...items, changed], items));
    expect(findings.map(({ path }) => path)).toEqual(['/usr/bin/mawk']);
  });
});
