import { describe, expect, test } from 'vitest';
import {
  describe as described,
  differenceBetween,
  findingText,
  modeText,
  specialsOf,
} from '../../src/audit/finding.ts';
import { file, folder, link, special } from './image.ts';

describe('in words', () => {
  test.each([
    [file('/x', 'four', { mode: 0o4755, uid: 7, gid: 8 }), 'file, 4 bytes, 7:8, 4755'],
    [file('/x'), 'file, 0 bytes, 0:0, 0644'],
    [folder('/x', { mode: 0o1777 }), 'folder, 0:0, 1777'],
    [link('/x', '../y'), 'link, to ../y, 0:0'],
    [special('/x', 'block', { device: '8:1' }), 'block, 8:1, 0:0, 0600'],
    [special('/x', 'pipe'), 'pipe, 0:0, 0600'],
  ])('%#: %s', ({ entry }, text) => {
    expect(described(entry)).toBe(text);
  });

  test('a mode has four digits', () => {
    expect([0, 0o7, 0o644, 0o7777].map(modeText)).toEqual(['0000', '0007', '0644', '7777']);
  });

  test('a finding has its reason, what it is and when it came', () => {
    const finding = { path: '/x', kind: 'differs', reason: 'why', entry: folder('/x').entry, step: 'docker' } as const;
    expect(findingText(finding)).toBe('why (folder, 0:0, 0755) in docker');
    expect(findingText({ ...finding, entry: null, step: null })).toBe('why');
  });
});

describe('the difference of two entries', () => {
  const one = file('/x', 'one').entry;

  test('is none for the same, by whatever time and inode', () => {
    expect(differenceBetween(one, { ...one, inode: 9, links: 2, mtime: 9, ctime: 9, crtime: 9 })).toBeNull();
  });

  test('is only about what is expected', () => {
    expect(differenceBetween(one, {})).toBeNull();
    expect(differenceBetween(one, { uid: 0 })).toBeNull();
  });

  test.each([
    [{ sha256: 'other' }, 'its content'],
    [{ uid: 7 }, 'its owner (0 for 7)'],
    [{ gid: 7 }, 'its group (0 for 7)'],
    [{ mode: 0o4644 }, 'its mode (0644 for 4644)'],
    [{ kind: 'link' as const }, 'its kind (file for link)'],
    [{ uid: 7, mode: 0 }, 'its owner (0 for 7), its mode (0644 for 0000)'],
  ])('is told: %j', (expected, text) => {
    expect(differenceBetween(one, expected)).toBe(text);
  });

  test('is told of links and devices', () => {
    expect(differenceBetween(link('/x', 'a').entry, { target: 'b' })).toBe('its target (a for b)');
    const device = special('/x', 'char', { device: '1:3' }).entry;
    expect(differenceBetween(device, { device: '1:1' })).toBe('its device (1:3 for 1:1)');
  });

  test('is never the mode of a link, which means nothing', () => {
    expect(differenceBetween(link('/x', 'a').entry, { mode: 0o700 })).toBeNull();
  });
});

test('attributes and flags are in order', () => {
  const entry = file('/x', '', { attributes: { 'user.b': 'Yg==', 'user.a': 'YQ==' }, flags: ['immutable'] }).entry;
  expect(specialsOf(entry)).toEqual(['immutable', 'user.a=YQ==', 'user.b=Yg==']);
  expect(specialsOf(folder('/x').entry)).toEqual([]);
});
