import { describe, expect, test } from 'vitest';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import { isAbout, provisionedProblem } from '../../src/audit/provisioned/judge.ts';
import { file, folder, hashOf, type Item, link, plan, special, view } from './image.ts';

function problem(item: Item, put: Omit<ProvisionedEntry, 'provisioner'>): string | null {
  return provisionedProblem(item.entry, { provisioner: 'ours', ...put }, { ...view([item]), plan: plan() });
}

const NOT = 'not as provisioner ours puts it: ';
const OPEN = `${NOT}others may write to it, or it has setuid`;

describe('what a provisioner puts', () => {
  const put = { path: '/etc/x', kind: 'file', mode: 0o640, sha256: hashOf('sha256', 'x') } as const;

  test('is as it says', () => {
    expect(problem(file('/etc/x', 'x', { mode: 0o640 }), put)).toBeNull();
    expect(problem(link('/etc/x', '../y'), { path: '/etc/x', kind: 'link', target: '../y' })).toBeNull();
    expect(problem(folder('/etc/x'), { path: '/etc/x', kind: 'folder', mode: 0o755 })).toBeNull();
  });

  test.each([
    [file('/etc/x', 'y', { mode: 0o640 }), 'its content'],
    [file('/etc/x', 'x\r', { mode: 0o640 }), 'its content'],
    [file('/etc/x', 'x', { mode: 0o644 }), 'its mode (0644 for 0640)'],
    [file('/etc/x', 'x', { mode: 0o4640 }), 'its mode (4640 for 0640)'],
    [file('/etc/x', 'x', { mode: 0o640, uid: 1000 }), 'its owner (1000 for 0)'],
    [file('/etc/x', 'x', { mode: 0o640, gid: 1000 }), 'its group (1000 for 0)'],
    [link('/etc/x', '/tmp/x'), 'its kind (link for file)'],
    [folder('/etc/x', { mode: 0o640 }), 'its kind (folder for file)'],
    [special('/etc/x', 'pipe', { mode: 0o640 }), 'its kind (pipe for file)'],
  ])('is not otherwise: %#', (item, text) => {
    expect(problem(item, put)).toBe(`${NOT}${text}`);
  });

  test('leads where it says', () => {
    const mask = { path: '/etc/x', kind: 'link', target: '/dev/null' } as const;
    expect(problem(link('/etc/x', '/dev/null2'), mask)).toBe(`${NOT}its target (/dev/null2 for /dev/null)`);
    expect(problem(link('/etc/x', '/dev/../tmp/null'), mask)).not.toBeNull();
    expect(problem(link('/etc/x', '/dev/null', { uid: 7 }), mask)).not.toBeNull();
  });

  test('whose mode another program decides is open to nobody', () => {
    const free = { path: '/etc/x', kind: 'file' } as const;
    for (const mode of [0o600, 0o644, 0o755]) expect(problem(file('/etc/x', '', { mode }), free)).toBeNull();
    for (const mode of [0o666, 0o664, 0o4755, 0o2755, 0o1644])
      expect(problem(file('/etc/x', '', { mode }), free)).toBe(OPEN);
  });
});

describe('a tree', () => {
  const tree = { path: '/srv/**', kind: 'folder', mode: 0o755, rule: 'tree' } as const;

  test('has files, folders and links of root', () => {
    expect(problem(file('/srv/x', 'x', { mode: 0o600 }), tree)).toBeNull();
    expect(problem(folder('/srv/x', { mode: 0o700 }), tree)).toBeNull();
    expect(problem(link('/srv/x', 'y'), tree)).toBeNull();
  });

  test('has nothing of somebody else, or that is open', () => {
    expect(problem(file('/srv/x', 'x', { uid: 1000 }), tree)).toBe(`${NOT}its owner (1000 for 0)`);
    expect(problem(link('/srv/x', 'y', { gid: 1000 }), tree)).toBe(`${NOT}its group (1000 for 0)`);
    expect(problem(folder('/srv/x', { mode: 0o777 }), tree)).toBe(OPEN);
    expect(problem(file('/srv/x', 'x', { mode: 0o4755 }), tree)).toBe(OPEN);
  });

  test.each(['char', 'block', 'pipe', 'socket'] as const)('has no %s', (kind) => {
    expect(problem(special('/srv/x', kind), tree)).not.toBeNull();
  });
});

describe('a path', () => {
  test.each([
    ['/a/b', '/a/b', true],
    ['/a/b', '/a/b/c', false],
    ['/a/b', '/a', false],
    ['/a/*', '/a/b', true],
    ['/a/*', '/a/b/c', false],
    ['/a/*', '/a', false],
    ['/a/*/c', '/a/b/c', true],
    ['/a/*/c', '/a/b/d/c', false],
    ['/a/b*', '/a/bc', false],
    ['/a/**', '/a/b', true],
    ['/a/**', '/a/b/c', true],
    ['/a/**', '/a', false],
    ['/a/**', '/ab/c', false],
    ['/a/**', '/x/a/b', false],
    ['/usr/lib/modules/*/updates/dkms/**', '/usr/lib/modules/6.1.0/updates/dkms/nvidia.ko', true],
    ['/usr/lib/modules/*/updates/dkms/**', '/usr/lib/modules/6.1.0/updates/dkms/a/b.ko', true],
    ['/usr/lib/modules/*/updates/dkms/**', '/usr/lib/modules/6.1.0/updates/dkms', false],
    ['/usr/lib/modules/*/updates/dkms/**', '/usr/lib/modules/6.1.0/kernel/updates/dkms/x.ko', false],
    ['/usr/lib/modules/*/updates/dkms/**', '/usr/lib/modules/6.1.0/updates/x.ko', false],
  ])('%s is about %s: %s', (path, other, is) => {
    expect(isAbout({ path }, other)).toBe(is);
  });
});
