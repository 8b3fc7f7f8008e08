import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { labPaths } from '../../lab/paths.ts';
import { cacheFolder as setupCacheFolder } from '../../scripts/setup-lib/paths.mjs';
import { cacheFolder, stateFolder } from '../../src/io/paths.ts';

afterEach(() => vi.unstubAllEnvs());

describe.each([
  ['ECS_HOST_STATE', 'XDG_STATE_HOME', stateFolder, ['.local', 'state', 'ecs-host']],
  ['ECS_HOST_CACHE', 'XDG_CACHE_HOME', cacheFolder, ['.cache', 'ecs-host']],
  ['ECS_HOST_CACHE', 'XDG_CACHE_HOME', setupCacheFolder, ['.cache', 'ecs-host']],
] as const)('%s, then %s', (own, xdg, folder, fallback) => {
  test('the first that is set and absolute', () => {
    vi.stubEnv(own, '');
    vi.stubEnv(xdg, '');
    expect(folder()).toBe(join(homedir(), ...fallback));
    vi.stubEnv(xdg, 'relative');
    expect(folder()).toBe(join(homedir(), ...fallback));
    vi.stubEnv(xdg, '/x');
    expect(folder()).toBe('/x/ecs-host');
    vi.stubEnv(own, '/own');
    expect(folder()).toBe('/own');
  });

  test('our own is refused when it depends on where one stands', () => {
    vi.stubEnv(own, 'state');
    expect(() => folder()).toThrow(`${own} is "state", which is no absolute path`);
  });
});

test('the lab refuses it, too', async () => {
  vi.stubEnv('ECS_HOST_STATE', 'state');
  await expect(labPaths()).rejects.toMatchObject({ name: 'UserProblem' });
});
