import { expect, test } from 'vitest';
import { renderError, SetupError } from '../../scripts/setup-lib/errors.mjs';

test('an error says reason, where, hint and both ends of the output, without a stack', () => {
  const output = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n');
  const error = new SetupError('outside', 'npm failed', { where: 'npm ci', hint: 'look\nagain', output });
  const { text, exitCode } = renderError(error);
  expect(exitCode).toBe(3);
  expect(text.split('\n').slice(0, 5)).toEqual([
    'set-up: npm failed',
    '  where: npm ci',
    '  hint: look',
    '  again',
    '  output:',
  ]);
  expect(text).toContain('line 99');
  expect(text).toContain('line 0');
  expect(text).toContain('... 76 lines ...');
  expect(text).not.toContain('line 50\n');
});

test('what the user has to do exits 2, a bug exits 1', () => {
  expect(renderError(new SetupError('user', 'no')).exitCode).toBe(2);
  expect(renderError(new Error('oops'))).toMatchObject({ exitCode: 1, text: expect.stringContaining('a bug') });
});
