import { describe, expect, test } from 'vitest';
import { type FakePackage, file, folder, type Item, installed, link, ruled, special, unread, view } from './image.ts';

const HELPER = '/var/lib/systemd/deb-systemd-helper-enabled';
const USER_HELPER = '/var/lib/systemd/deb-systemd-user-helper-enabled';

const packages: readonly FakePackage[] = [
  {
    name: 'dirmngr',
    files: {
      '/usr/lib/systemd/user/dirmngr.socket': 'unit',
      '/usr/lib/systemd/user/other.socket': 'unit',
      '/usr/lib/systemd/system/dirmngr.socket': 'unit',
    },
    conffiles: { '/etc/init.d/dirmngr': 'script', '/etc/init.d/other': 'script' },
  },
];
const OWN = '/etc/systemd/user/sockets.target.wants/dirmngr.socket';
const ALSO = file(`${USER_HELPER}/dirmngr.socket.dsh-also`, `${OWN}\n`);

function judged(item: Item, more: readonly Item[] = [ALSO]): string | null {
  return ruled(item.entry.path, view([...installed(packages), ...more, item]));
}

describe('what deb-systemd-helper remembers', () => {
  test('are empty marks, and lists of links', () => {
    expect(judged(ALSO)).toBeNull();
    expect(judged(file(`${USER_HELPER}/sockets.target.wants/dirmngr.socket`))).toBeNull();
    expect(
      judged(file(`${HELPER}/x.service.dsh-also`, '/etc/systemd/system/multi-user.target.wants/x.service\n')),
    ).toBeNull();
  });

  test.each([
    ['a mark with something in it', file(`${HELPER}/x.wants/x.service`, 'payload')],
    ['a list of something else', file(`${HELPER}/x.dsh-also`, '/etc/cron.d/evil\n')],
    ['a list that leads out of the folder', file(`${HELPER}/x.dsh-also`, '/etc/systemd/system/../../cron.d/evil\n')],
    ['a list with something behind', file(`${HELPER}/x.dsh-also`, '/etc/systemd/system/x.service payload\n')],
    ['a list with a comment', file(`${HELPER}/x.dsh-also`, '# payload\n/etc/systemd/system/x.service\n')],
    ['a list that is not known', unread(`${HELPER}/x.dsh-also`)],
    ['a link', link(`${HELPER}/x.dsh-also`, '/tmp/x')],
    ['a pipe', special(`${HELPER}/x.service`, 'pipe')],
    ['a file beside the folder', file('/var/lib/systemd/deb-systemd-helper-enabled.x')],
  ])('is not %s', (_what, item) => {
    expect(judged(item)).not.toBeNull();
  });
});

describe('a unit of people who log in', () => {
  test('is one of a package that was enabled', () => {
    expect(judged(link(OWN, '/usr/lib/systemd/user/dirmngr.socket'))).toBeNull();
    expect(judged(link(OWN, '/usr/lib/systemd/user/dirmngr.socket'), [])).toBe('no package enabled it');
  });

  test.each([
    ['another unit', '/usr/lib/systemd/user/other.socket'],
    ['a unit of the system', '/usr/lib/systemd/system/dirmngr.socket'],
    ['a unit of no package', '/usr/lib/systemd/user/evil.socket'],
    ['a file elsewhere', '/srv/usr/lib/systemd/user/dirmngr.socket'],
    ['a unit by a long way', '/usr/lib/systemd/user/../user/dirmngr.socket'],
    ['a unit out of the folder', '/usr/lib/systemd/user/../../../../tmp/dirmngr.socket'],
    ['a folder', '/usr/lib/systemd/user'],
    ['a unit beside it', 'dirmngr.socket'],
    ['nothing', ''],
  ])('does not lead to %s', (_what, target) => {
    expect(judged(link(OWN, target))).not.toBeNull();
  });

  test.each([
    '/etc/systemd/system/sockets.target.wants/dirmngr.socket',
    '/etc/systemd/user/dirmngr.socket',
    `${OWN}/x`,
  ])('is not %s', (path) => {
    expect(judged(link(path, '/usr/lib/systemd/user/dirmngr.socket'))).toBe('no rule');
  });

  test('is a link', () => {
    expect(judged(file(OWN, '[Socket]'))).toBe('no rule');
  });
});

describe('a link of a run level', () => {
  test('leads to the script of its name, of a package', () => {
    expect(judged(link('/etc/rc2.d/S01dirmngr', '../init.d/dirmngr'))).toBeNull();
    expect(judged(link('/etc/rcS.d/K01dirmngr', '/etc/init.d/dirmngr'))).toBeNull();
  });

  test.each([
    ['/etc/rc2.d/S01dirmngr', '../init.d/other'],
    ['/etc/rc2.d/S01evil', '../init.d/evil'],
    ['/etc/rc2.d/S01evil', '../init.d/dirmngr'],
    ['/etc/rc2.d/S01dirmngr', '../../tmp/dirmngr'],
    ['/etc/rc2.d/S01dirmngr', '/tmp/init.d/dirmngr'],
    ['/etc/rc2.d/S01dirmngr', 'dirmngr'],
    ['/etc/rc2.d/S01x/S01dirmngr', '../../init.d/dirmngr'],
    ['/etc/rc7.d/S01dirmngr', '../init.d/dirmngr'],
    ['/etc/rc.local', 'init.d/dirmngr'],
    ['/etc/rc2.d/X01dirmngr', '../init.d/dirmngr'],
  ])('is not %s to %s', (path, target) => {
    expect(judged(link(path, target))).not.toBeNull();
  });

  test('is a link', () => {
    expect(judged(file('/etc/rc2.d/S01dirmngr', 'script'))).toBe('no rule');
  });
});

describe('the stamp of a timer', () => {
  const path = '/var/lib/systemd/timers/stamp-logrotate.timer';

  test('is empty', () => {
    expect(judged(file(path))).toBeNull();
    expect(judged(file(path, 'x'))).toBe('it is not empty');
    expect(judged(link(path, '/tmp/x'))).toBe('it is not empty');
    expect(judged(folder(path))).toBe('it is not empty');
  });

  test('has the name of one', () => {
    for (const name of ['x', 'stamp-x', 'stamp-x.timer.x', 'stamp-.timer', 'stamp-x/y.timer'])
      expect([name, judged(file(`/var/lib/systemd/timers/${name}`))]).toEqual([name, 'no rule']);
  });
});
