import { describe, expect, test } from 'vitest';
import { stepOf } from '../../src/audit/when.ts';
import { file } from './image.ts';

const steps = [
  { name: 'provision', from: 100, to: 400 },
  { name: 'packages', from: 100, to: 200 },
  { name: 'docker', from: 200.5, to: 300 },
];

function at(ctime: number, crtime = 0): string | null {
  return stepOf(file('/x', '', { ctime, crtime }).entry, steps);
}

describe('the step of an entry', () => {
  test.each([
    [150, 'packages'],
    [100, 'packages'],
    [200, 'packages'],
    [250, 'docker'],
    [350, 'provision'],
    // Between two, where their parent was at work.
    [200.2, 'provision'],
    // Clocks differ a little.
    [99.5, 'packages'],
    [400.9, 'provision'],
    [98.9, null],
    [401.1, null],
  ])('at %d is %s', (time, step) => {
    expect(at(time)).toBe(step);
  });

  test('is the one of the last change', () => {
    expect(at(250, 150)).toBe('docker');
    expect(at(150, 250)).toBe('docker');
  });

  test('is not known without steps', () => {
    expect(stepOf(file('/x').entry, [])).toBeNull();
  });

  test('whose time is met exactly is before a shorter one that is only near', () => {
    const near = [
      { name: 'short', from: 10, to: 10.5 },
      { name: 'long', from: 10.8, to: 90 },
    ];
    expect(stepOf(file('/x', '', { ctime: 11, crtime: 0 }).entry, near)).toBe('long');
  });
});
