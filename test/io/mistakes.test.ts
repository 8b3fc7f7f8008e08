import { expect, test } from 'vitest';
import { outsideError, userError } from '../../src/io/errors.ts';
import { allOrMistakes } from '../../src/io/mistakes.ts';

const image = userError('IMAGE_NOT_FOUND', 'No image.', 'name another');
const programs = userError('PROGRAMS_MISSING', 'Not found: a, b.', 'install', [
  { key: 'a', reason: 'does' },
  { key: 'b', reason: 'does' },
]);

test('what is there comes back in its order', async () => {
  expect(await allOrMistakes([Promise.resolve(1), Promise.resolve('b')], 'x')).toEqual([1, 'b']);
});

test('one mistake is thrown as it is, the same one of several calls as well', async () => {
  await expect(allOrMistakes([Promise.resolve(1), Promise.reject(image)], 'x')).rejects.toBe(image);
  const again = userError('IMAGE_NOT_FOUND', 'No image.');
  await expect(allOrMistakes([Promise.reject(again), Promise.reject(image)], 'x')).rejects.toMatchObject({
    code: 'IMAGE_NOT_FOUND',
    details: [],
  });
});

test('several are one error with each among its details, also those that have details of their own', async () => {
  await expect(allOrMistakes([Promise.reject(image), Promise.reject(programs)], 'look')).rejects.toMatchObject({
    kind: 'user',
    code: 'SEVERAL_MISSING',
    message: '3 things are missing.',
    hint: 'look',
    details: [
      { code: 'IMAGE_NOT_FOUND', hint: 'name another' },
      { code: 'PROGRAMS_MISSING', key: 'a' },
      { code: 'PROGRAMS_MISSING', key: 'b' },
    ],
  });
});

test("what is nobody's mistake is thrown before any mistake", async () => {
  const down = outsideError('API_FAILED', 'Down.');
  await expect(allOrMistakes([Promise.reject(image), Promise.reject(down)], 'x')).rejects.toBe(down);
});
