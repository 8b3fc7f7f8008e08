import { describe, expect, test } from 'vitest';
import { bootedDifferences } from '../../src/audit/same-booted.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { anInventory } from '../fixtures/inventory.ts';
import { file, folder, hashOf, type Item, image, link } from './image.ts';

function said(more: Partial<Pick<Inventory, 'files' | 'links'>>): Inventory {
  return { ...anInventory('ami-1'), files: [], links: [], ...more };
}

const hosts = { path: '/etc/x', mode: '644', bytes: 1, sha256: hashOf('sha256', 'x') };

function ofFile(item: Item, more: Partial<typeof hosts> = {}): readonly string[] {
  return bootedDifferences(said({ files: [{ ...hosts, ...more }] }), image([item]));
}

describe('a file of a booted instance', () => {
  test('is as on the disk', () => {
    expect(ofFile(file('/etc/x', 'x'))).toEqual([]);
    expect(ofFile(file('/etc/x', 'x', { mode: 0o4755 }), { mode: '4755' })).toEqual([]);
    expect(ofFile(file('/etc/x', 'x', { mode: 0 }), { mode: '0' })).toEqual([]);
  });

  test.each([
    ['is not on the disk', file('/etc/y', 'x')],
    ['has another content', file('/etc/x', 'y')],
    ['has another content', folder('/etc/x')],
    ['has another content', link('/etc/x', 'y')],
    ['has another mode', file('/etc/x', 'x', { mode: 0o600 })],
    ['has another mode', file('/etc/x', 'x', { mode: 0o4644 })],
  ])('%s', (what, item) => {
    expect(ofFile(item)).toEqual([`/etc/x ${what}`]);
  });

  test('has its name as the disk has it, with a backslash', () => {
    const path = '/etc/systemd/system/a\\x2db.service';
    expect(ofFile(file(path.replaceAll('\\', '\\\\'), 'x'), { path })).toEqual([]);
  });
});

describe('a link of a booted instance', () => {
  const of = (item: Item, to = '../y', path = '/etc/x'): readonly string[] =>
    bootedDifferences(said({ links: [{ path, to }] }), image([item]));

  test('leads where it leads on the disk', () => {
    expect(of(link('/etc/x', '../y'))).toEqual([]);
    expect(of(link('/etc/x', '../z'))).toEqual(['/etc/x leads elsewhere']);
    expect(of(link('/etc/z', '../y'))).toEqual(['/etc/x leads elsewhere']);
    expect(of(file('/etc/x'))).toEqual(['/etc/x leads elsewhere']);
  });

  test('leads there by a name with a backslash, too', () => {
    expect(of(link('/etc/a\\\\x2db', 'c\\\\x2dd'), 'c\\x2dd', '/etc/a\\x2db')).toEqual([]);
  });
});

test('what is only on the disk is no matter of this', () => {
  expect(bootedDifferences(said({}), image([file('/etc/x'), link('/etc/y', 'x')]))).toEqual([]);
});
