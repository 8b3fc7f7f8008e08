import { hostname } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { ownerName } from '../../src/run/owner.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each(['', undefined])('runs are of whoever runs them, here: %j', (runner) => {
  vi.stubEnv('ECS_HOST_RUNNER', runner);
  expect(ownerName()).toMatch(new RegExp(`^.+@${hostname()}$`));
});

test('machines of CI have a name in common', () => {
  vi.stubEnv('ECS_HOST_RUNNER', 'nightly@octo-org/hosts');
  expect(ownerName()).toBe('nightly@octo-org/hosts');
});

test.each(['a\nb', 'ü', 'x'.repeat(101)])('%j cannot be the value of a tag', (runner) => {
  vi.stubEnv('ECS_HOST_RUNNER', runner);
  expect(ownerName).toThrow(expect.objectContaining({ kind: 'user', code: 'RUNNER_NAME' }));
});
