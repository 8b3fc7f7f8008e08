import { describe, expect, test, vi } from 'vitest';
import { UserProblem } from '../../lab/problem.ts';
import { SourcesChoice } from '../../lab/sources-mode.ts';

function choice(answers: boolean, inUse = false) {
  const isAnswering = vi.fn(async () => answers);
  const isInUse = vi.fn(async () => inUse);
  return { choice: new SourcesChoice({ isAnswering, isInUse }), isAnswering };
}

describe('where a lab takes from what only the internet has', () => {
  test.each([
    [true, 'official'],
    [false, 'stand-in'],
  ] as const)('is found once when nobody says (answers: %s)', async (answers, mode) => {
    const { choice: one, isAnswering } = choice(answers);
    expect(await Promise.all([one.current(), one.choose('auto'), one.current()])).toEqual([mode, mode, mode]);
    expect(isAnswering).toHaveBeenCalledTimes(1);
  });

  test('is what was said, and then nobody looks', async () => {
    const { choice: one, isAnswering } = choice(true);
    expect(await one.choose('stand-in')).toBe('stand-in');
    expect(await one.choose('auto')).toBe('stand-in');
    expect(await one.current()).toBe('stand-in');
    expect(isAnswering).not.toHaveBeenCalled();
  });

  test('changes when it is asked to and no machine would be left with neither', async () => {
    const { choice: one } = choice(false);
    expect(await one.current()).toBe('stand-in');
    expect(await one.choose('official')).toBe('official');
    expect(await one.current()).toBe('official');
  });

  test('stays while there are machines', async () => {
    const { choice: one } = choice(false, true);
    expect(await one.current()).toBe('stand-in');
    expect(await one.choose('stand-in')).toBe('stand-in');
    await expect(one.choose('official')).rejects.toThrow(UserProblem);
    expect(await one.current()).toBe('stand-in');
  });
});
