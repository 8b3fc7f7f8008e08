/**
 * Files of unit tests follow one another in a process, with the modules that the first of them has loaded: each leaves
 * it as it was found. Whoever replaces a module (`vi.doMock`) resets them before and after.
 */
import { afterAll, vi } from 'vitest';

const found = { ...process.env };
const folder = process.cwd();

afterAll(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  for (const name of Object.keys(process.env)) if (!(name in found)) delete process.env[name];
  Object.assign(process.env, found);
  process.chdir(folder);
});
