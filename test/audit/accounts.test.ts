import { describe, expect, test } from 'vitest';
import { explainEntries } from '../../src/audit/explain.ts';
import { database, explainInput, file, type Item, link, ruled, unread, view } from './image.ts';

const PASSWD = ['root:x:0:0:root:/root:/bin/bash', 'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin'];
const ADMIN = 'admin:x:1000:1001:Debian:/home/admin:/bin/bash';
const SHADOW = ['root:*:20784:0:99999:7:::', 'admin:!:20784:0:99999:7:::'];
const GROUP = ['root:x:0:', 'sudo:x:27:admin', 'disk:x:6:', 'admin:x:1001:'];
const GSHADOW = ['root:*::', 'sudo:*::admin', 'disk:*::', 'admin:!::'];

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** What is said of a file with these lines, that has those on the base image, on an image with these packages. */
function judged(
  path: string,
  lines: readonly string[],
  base: readonly string[],
  packages: readonly string[] = ['docker.io', 'nvidia-persistenced'],
): string | null {
  const current = path.endsWith('-') ? path.slice(0, -1) : path;
  const ofPackages: readonly Item[] = database(packages.map((name) => ({ name })));
  return ruled(path, view([file(path, text(lines), { mode: 0o640 }), ...ofPackages], [file(current, text(base))]));
}

/** Of a file with one line more than on the base image. */
function added(path: string, line: string, base: readonly string[], packages?: readonly string[]): string | null {
  return judged(path, [...base, line], base, packages);
}

/** Of a file whose line of that name is another one. */
function changed(path: string, line: string, base: readonly string[]): string | null {
  const [name] = line.split(':');
  return judged(
    path,
    base.map((each) => (each.split(':')[0] === name ? line : each)),
    base,
  );
}

describe.each([
  ['/etc/passwd', PASSWD],
  ['/etc/shadow', SHADOW],
  ['/etc/group', GROUP],
  ['/etc/gshadow', GSHADOW],
  ['/etc/subuid', ['admin:100000:65536']],
  ['/etc/subgid', ['admin:100000:65536']],
] as const)('%s', (path, base) => {
  test('is as on the base image, in whatever order', () => {
    expect(judged(path, base, base)).toBeNull();
    expect(judged(path, [...base].reverse(), base)).toBeNull();
  });

  test('has nobody gone', () => {
    const [first = ''] = base;
    expect(judged(path, base.slice(1), base)).toBe(`no ${first.split(':')[0]}`);
  });

  test('has no name twice', () => {
    const [first = ''] = base;
    expect(judged(path, [first, ...base], base)).toBe('a name that is there twice');
  });

  test('has no line of another kind', () => {
    for (const line of ['+', '+::::::', '-@all', '# comment', ' ', '\t', ' root', 'root', 'evil', ':', '::'])
      expect([line, added(path, line, base)]).not.toEqual([line, null]);
  });

  test('has no carriage return', () => {
    expect(
      judged(
        path,
        base.map((line) => `${line}\r`),
        base,
      ),
    ).not.toBeNull();
  });

  test('has no other line for root', () => {
    for (const line of ['root::0:0::/root:/bin/sh', 'root:$6$x:20784:0:99999:7:::', 'root:x:0:admin', 'root:0:65536'])
      expect([line, judged(path, [...base.filter((each) => !each.startsWith('root:')), line], base)]).not.toEqual([
        line,
        null,
      ]);
  });

  test('whose content is not known, or that is a link, is not explained', () => {
    expect(ruled(path, view([unread(path)], [file(path)]))).toBe('its content is not known');
    expect(ruled(path, view([link(path, '/srv/x')], [file(path)]))).toBe('its content is not known');
  });

  test('may have a copy of the state before', () => {
    expect(judged(`${path}-`, base.slice(0, 1), base)).toBeNull();
    expect(judged(`${path}-`, [...base, 'evil:x:0:0::/:/bin/sh'], base)).not.toBeNull();
    expect(ruled(`${path}--`, view([file(`${path}--`)]))).toBe('no rule');
  });
});

describe('a user', () => {
  test('that cloud-init made is the login user', () => {
    expect(added('/etc/passwd', ADMIN, PASSWD)).toBeNull();
  });

  test.each([
    ['another name', 'evil:x:1000:1001::/home/evil:/bin/bash'],
    ['another home', 'admin:x:1000:1001::/:/bin/bash'],
    ['a home by a long way', 'admin:x:1000:1001::/home/admin/../../srv:/bin/bash'],
    ['an id of the system', 'admin:x:100:1001::/home/admin:/bin/bash'],
    ['the id of root', 'admin:x:0:1001::/home/admin:/bin/bash'],
    ['the id of root, written otherwise', 'admin:x:00:1001::/home/admin:/bin/bash'],
    ['an id with a sign', 'admin:x:+1000:1001::/home/admin:/bin/bash'],
    ['an id that is no number to everybody', 'admin:x:0x3e8:1001::/home/admin:/bin/bash'],
    ['an id with an exponent', 'admin:x:1e3:1001::/home/admin:/bin/bash'],
    ['an id with a blank', 'admin:x: 1000:1001::/home/admin:/bin/bash'],
    ['an id that is too large', 'admin:x:4294967296:1001::/home/admin:/bin/bash'],
    ['no password', 'admin::1000:1001::/home/admin:/bin/bash'],
    ['a password', 'admin:$6$x:1000:1001::/home/admin:/bin/bash'],
    ['a password that only looks like none', 'admin: x:1000:1001::/home/admin:/bin/bash'],
    ['the group of root', 'admin:x:1000:0::/home/admin:/bin/bash'],
    ['the group of root, written otherwise', 'admin:x:1000:00::/home/admin:/bin/bash'],
    ['no group', 'admin:x:1000:::/home/admin:/bin/bash'],
    ['a shell of somebody', 'admin:x:1000:1001::/home/admin:/home/admin/sh'],
    ['more fields', 'admin:x:1000:1001::/home/admin:/bin/bash:/bin/sh'],
  ])('of cloud-init has not %s', (_what, line) => {
    expect(added('/etc/passwd', line, PASSWD)).not.toBeNull();
  });

  const SERVICE = 'nvidia-persistenced:x:110:118:NVIDIA:/nonexistent:/usr/sbin/nologin';

  test('of a package is a service', () => {
    expect(added('/etc/passwd', SERVICE, PASSWD)).toBeNull();
    expect(added('/etc/passwd', SERVICE, PASSWD, [])).toBe('account nvidia-persistenced');
    expect(added('/etc/passwd', SERVICE.replace('/usr/sbin/nologin', '/bin/false'), PASSWD)).toBeNull();
  });

  test.each([
    ['an id of people', '1000', '118', '/usr/sbin/nologin'],
    ['the id of root', '0', '118', '/usr/sbin/nologin'],
    ['the id of root, written otherwise', '00', '118', '/usr/sbin/nologin'],
    ['the id of root with a sign', '-0', '118', '/usr/sbin/nologin'],
    ['no id', '', '118', '/usr/sbin/nologin'],
    ['an id of somebody else', '101', '118', '/usr/sbin/nologin'],
    ['the group of root', '110', '0', '/usr/sbin/nologin'],
    ['a shell', '110', '118', '/bin/sh'],
    ['no shell', '110', '118', ''],
    ['a shell that is only called so', '110', '118', '/tmp/nologin'],
    ['another shell that is only called so', '110', '118', '/home/admin/false'],
  ])('of a package has not %s', (_what, uid, gid, shell) => {
    expect(added('/etc/passwd', `nvidia-persistenced:x:${uid}:${gid}::/:${shell}`, PASSWD)).not.toBeNull();
  });

  test('of a package is not one of its groups', () => {
    expect(added('/etc/passwd', 'docker:x:110:118::/:/usr/sbin/nologin', PASSWD)).toBe('account docker');
  });

  test.each([
    'sshd:x:101:65534::/run/sshd:/bin/bash',
    'sshd:x:0:65534::/run/sshd:/usr/sbin/nologin',
    'sshd::101:65534::/run/sshd:/usr/sbin/nologin',
    'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin:',
    'root:x:0:0:root:/home/admin:/bin/bash',
  ])('of the base image stays as it is: %s', (line) => {
    expect(changed('/etc/passwd', line, PASSWD)).toMatch(/^account (sshd|root) is changed$/);
  });

  test('is not known by a name that every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(added('/etc/passwd', `${name}:x:110:118::/:/usr/sbin/nologin`, PASSWD)).toBe(`account ${name}`);
  });
});

describe('a password', () => {
  test('may be locked', () => {
    for (const locked of ['!', '*', '!*', '!!'])
      expect(changed('/etc/shadow', `admin:${locked}:20785:0:99999:7:::`, SHADOW)).toBeNull();
  });

  test.each(['', '$6$salt$hash', '!$6$salt$hash', 'x', ' ', '*a', '$y$'])('is not set: %j', (password) => {
    expect(changed('/etc/shadow', `admin:${password}:20785:0:99999:7:::`, SHADOW)).toBe('account admin has a password');
    expect(changed('/etc/shadow', `root:${password}:20785:0:99999:7:::`, SHADOW)).toBe('account root has a password');
  });

  test('may be the one of the base image', () => {
    const base = ['root:$6$theirs:1::::::'];
    expect(judged('/etc/shadow', ['root:$6$theirs:2::::::'], base)).toBeNull();
    expect(judged('/etc/shadow', ['root:$6$other:1::::::'], base)).toBe('account root has a password');
  });

  test('is of the login user, or a user of a package', () => {
    const base = ['root:*:::::::'];
    expect(added('/etc/shadow', 'admin:!:20784:0:99999:7:::', base)).toBeNull();
    expect(added('/etc/shadow', 'nvidia-persistenced:!:20784::::::', base)).toBeNull();
    expect(added('/etc/shadow', 'nvidia-persistenced:!:20784::::::', base, [])).toBe('account nvidia-persistenced');
    expect(added('/etc/shadow', 'docker:!:20784::::::', base)).toBe('account docker');
    expect(added('/etc/shadow', 'evil:!:20784::::::', base)).toBe('account evil');
  });

  test.each(['/etc/shadow-', '/etc/gshadow-'])('is read by nobody else in %s', (path) => {
    const found = explainEntries(explainInput([file(path, '', { mode: 0o644 })]));
    expect(found.findings.map((each) => each.path)).toEqual([path]);
  });
});

describe('a group', () => {
  test('of Docker has the login user', () => {
    expect(added('/etc/group', 'docker:x:998:admin', GROUP)).toBeNull();
    expect(added('/etc/group', 'docker:x:998:', GROUP)).toBeNull();
    expect(added('/etc/group', 'docker:x:998:admin', GROUP, ['docker-ce'])).toBeNull();
    expect(added('/etc/gshadow', 'docker:!::admin', GSHADOW)).toBeNull();
  });

  test('is not there without its package', () => {
    expect(added('/etc/group', 'docker:x:998:admin', GROUP, [])).toBe('group docker');
    expect(added('/etc/gshadow', 'docker:!::admin', GSHADOW, [])).toBe('group docker');
    expect(added('/etc/group', 'evil:x:998:admin', GROUP)).toBe('group evil');
    expect(added('/etc/gshadow', 'evil:!::', GSHADOW)).toBe('group evil');
  });

  test.each([
    ['of root', 'docker:x:0:admin'],
    ['of root, written otherwise', 'docker:x:00:admin'],
    ['of disks', 'docker:x:6:admin'],
    ['of sudo', 'docker:x:27:admin'],
    ['of nobody', 'docker:x::admin'],
    ['that is no number', 'docker:x:0x0:admin'],
  ])('has not the id %s', (_what, line) => {
    expect(added('/etc/group', line, GROUP)).not.toBeNull();
  });

  test.each([
    ['somebody else', 'docker:x:998:evil'],
    ['somebody beside', 'docker:x:998:admin,evil'],
    ['somebody with a blank', 'docker:x:998:admin, root'],
    ['a password', 'docker:$6$x:998:admin'],
    ['no password', 'docker::998:admin'],
    ['a field more', 'docker:x:998:admin:evil'],
  ])('of Docker has not %s', (_what, line) => {
    expect(added('/etc/group', line, GROUP)).not.toBeNull();
  });

  test.each([
    ['/etc/group', 'disk:x:6:admin', GROUP],
    ['/etc/group', 'root:x:0:admin', GROUP],
    ['/etc/group', 'sudo:x:27:admin,evil', GROUP],
    ['/etc/gshadow', 'disk:*::admin', GSHADOW],
    ['/etc/gshadow', 'disk:*:admin:', GSHADOW],
    ['/etc/gshadow', 'disk:::', GSHADOW],
    ['/etc/gshadow', 'disk:$6$x::', GSHADOW],
    ['/etc/group', 'disk:x:0:', GROUP],
    ['/etc/group', 'disk::6:', GROUP],
  ] as const)('of the base image gets nobody and nothing: %s %s', (path, line, base) => {
    expect(changed(path, line, base)).not.toBeNull();
  });

  test('of the base image may lose members', () => {
    expect(changed('/etc/group', 'sudo:x:27:', GROUP)).toBeNull();
  });

  test('of Docker may be the base image’s', () => {
    const base = [...GROUP, 'docker:x:998:'];
    expect(changed('/etc/group', 'docker:x:998:admin', base)).toBeNull();
    expect(changed('/etc/group', 'docker:x:6:admin', base)).toBe('group docker is changed');
  });
});

describe('ids for containers', () => {
  test('are the login user’s', () => {
    expect(added('/etc/subuid', 'admin:100000:65536', [])).toBeNull();
    expect(added('/etc/subuid', 'evil:100000:65536', [])).toBe('ids for evil');
    expect(changed('/etc/subuid', 'admin:1:65536', ['admin:100000:65536'])).toBe('ids for admin');
  });

  test.each([
    'admin:0:65536',
    'admin:00:1',
    'admin:1:65536',
    'admin:101:1',
    'admin',
    'admin::',
    'admin:100000:65536:x',
  ])('are none of the machine’s own: %s', (line) => {
    expect(added('/etc/subuid', line, [])).not.toBeNull();
    expect(added('/etc/subgid', line, [])).not.toBeNull();
  });
});
