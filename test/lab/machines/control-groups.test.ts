import { expect, test } from 'vitest';
import { parseHierarchies } from '../../../lab/machines/control-groups.ts';

test('cgroup v1 with the unified tree beside it', () => {
  const mountinfo = [
    '24 20 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
    '25 24 0:23 / /sys/fs/cgroup/cpu rw,relatime shared:7 - cgroup cgroup rw,cpu',
    '26 24 0:24 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
    '27 24 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
    '28 20 0:26 / /run rw - tmpfs tmpfs rw',
    '',
  ].join('\n');
  expect(parseHierarchies(mountinfo)).toEqual([
    { path: '/sys/fs/cgroup/cpu', version: 1 },
    { path: '/sys/fs/cgroup/systemd', version: 1 },
    { path: '/sys/fs/cgroup/unified', version: 2 },
  ]);
});

test('cgroup v2, and a tree that is mounted elsewhere is not ours to use', () => {
  const mountinfo = [
    '35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate',
    '99 24 0:30 / /mnt/cgroup rw - cgroup2 cgroup2 rw',
  ].join('\n');
  expect(parseHierarchies(mountinfo)).toEqual([{ path: '/sys/fs/cgroup', version: 2 }]);
});
