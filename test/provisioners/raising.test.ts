import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  everybodysLimit,
  leastEverybodysLimit,
  leastManagerLimit,
  managerLimit,
  raisedEverybodysLimit,
  raisedManagerLimit,
} from '../../provisioners/lib/open-files.ts';
import { isEnough, isLeast, leastSysctls, parseSysctl, raisedSysctls } from '../../provisioners/lib/sysctl.ts';

function rootfs(path: string): Promise<string> {
  return readFile(join(import.meta.dirname, '../../packer/rootfs', path), 'utf8');
}

describe('a kernel setting', async () => {
  const text = await rootfs('/etc/sysctl.d/90-ecs-host.conf');
  const settings = parseSysctl(text);

  test('that is higher already stays: vm.max_map_count of Ubuntu 24.04', () => {
    const noble = parseSysctl(raisedSysctls(text, (key) => (key === 'vm.max_map_count' ? '1048576' : '1')));
    expect(noble.get('vm.max_map_count')).toBe('1048576');
    expect(settings.get('vm.max_map_count')).toBe('262144');
    expect([...noble.keys()]).toEqual([...settings.keys()]);
  });

  test('that is lower, or not there, is raised', () => {
    expect(raisedSysctls(text, () => '1')).toBe(text);
    expect(raisedSysctls(text, () => null)).toBe(text);
  });

  test('is never lower in the file than on the machine, whatever that has', () => {
    const after = parseSysctl(raisedSysctls(text, () => '999999999'));
    for (const [key, value] of settings) expect(after.get(key)).toBe(isLeast(key) ? '999999999' : value);
  });

  test('that is meant as it is does not count as enough when it is higher', () => {
    expect(isEnough('vm.swappiness', '60', '10')).toBe(false);
    expect(isEnough('vm.max_map_count', '1048576', '262144')).toBe(true);
    expect(isEnough('vm.max_map_count', '65530', '262144')).toBe(false);
    expect(isEnough('vm.max_map_count', null, '262144')).toBe(false);
    expect(isEnough('net.ipv4.ip_local_reserved_ports', '51678-51679', '51678-51679')).toBe(true);
  });

  test('of inotify is what a kernel gives at most by itself, so that more memory loses nothing', () => {
    expect(settings.get('fs.inotify.max_user_watches')).toBe('1048576');
  });
});

/** The rule `at-least` of contracts/provisioned.ts. */
function isAtLeast(text: string, expected: string): boolean {
  const parts = expected.split(/>=(\d+)/);
  const pattern = parts
    .map((part, at) => (at % 2 === 1 ? '(\\w+)' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('');
  const [, ...found] = new RegExp(`^${pattern}$`).exec(text) ?? [];
  const least = parts.filter((_, at) => at % 2 === 1).map(Number);
  const isMore = (word: string, at: number): boolean =>
    /^(infinity|unlimited)$/.test(word) || Number(word) >= (least[at] ?? 0);
  return found.length === least.length && least.length > 0 && found.every(isMore);
}

describe('what a raised file has at least', async () => {
  const [sysctls, manager, everybody] = await Promise.all([
    rootfs('/etc/sysctl.d/90-ecs-host.conf'),
    rootfs('/etc/systemd/system.conf.d/90-ecs-host.conf'),
    rootfs('/etc/security/limits.d/90-ecs-host.conf'),
  ]);

  test('is true of every file that comes out, and of no lower one', () => {
    for (const now of ['1', '999999999', null])
      expect(
        isAtLeast(
          raisedSysctls(sysctls, () => now),
          leastSysctls(sysctls),
        ),
      ).toBe(true);
    expect(isAtLeast(sysctls.replace('262144', '262143'), leastSysctls(sysctls))).toBe(false);
    for (const limit of [0, 2e6, Number.POSITIVE_INFINITY].map((each) => ({ soft: each, hard: each }))) {
      expect(isAtLeast(raisedManagerLimit(manager, limit), leastManagerLimit(manager))).toBe(true);
      expect(isAtLeast(raisedEverybodysLimit(everybody, limit), leastEverybodysLimit(everybody))).toBe(true);
    }
    expect(isAtLeast(manager.replace('65536', '1024'), leastManagerLimit(manager))).toBe(false);
    expect(isAtLeast(everybody.replace('65536', '1024'), leastEverybodysLimit(everybody))).toBe(false);
  });

  test('leaves what is meant as it is', () => {
    expect(leastSysctls(sysctls)).toContain('\nvm.swappiness = 10\n');
    expect(isAtLeast(sysctls.replace('vm.swappiness = 10', 'vm.swappiness = 60'), leastSysctls(sysctls))).toBe(false);
  });
});

describe('a limit of open files', async () => {
  const [manager, everybody] = await Promise.all([
    rootfs('/etc/systemd/system.conf.d/90-ecs-host.conf'),
    rootfs('/etc/security/limits.d/90-ecs-host.conf'),
  ]);

  test.each([
    ['DefaultLimitNOFILE=524288\nDefaultLimitNOFILESoft=1024\n', '65536:1048576'],
    ['DefaultLimitNOFILESoft=1024\nDefaultLimitNOFILE=2097152\n', '65536:2097152'],
    ['DefaultLimitNOFILE=infinity\nDefaultLimitNOFILESoft=100000\n', '100000:infinity'],
    ['', '65536:1048576'],
  ])('of services is the higher of both: %j', (show, expected) => {
    expect(raisedManagerLimit(manager, managerLimit(show))).toContain(`DefaultLimitNOFILE=${expected}\n`);
  });

  test.each([
    [[], '65536', '1048576'],
    [['* hard nofile 4096\n'], '65536', '1048576'],
    [['*\thard\tnofile\t2000000\n', '# * soft nofile 9999999\n* soft nofile 70000\n'], '70000', '2000000'],
    [['* - nofile unlimited\nalice hard nofile 1\n'], 'unlimited', 'unlimited'],
  ])('of people is the highest that a file says: %j', (others, soft, hard) => {
    const text = raisedEverybodysLimit(everybody, everybodysLimit(others));
    expect(text).toContain(`* soft nofile ${soft}\n* hard nofile ${hard}`);
  });
});
