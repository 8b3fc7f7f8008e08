import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const script = join(import.meta.dirname, '..', '..', 'scripts', 'setup');

/** A PATH with only what is linked into it. */
let path: string;
beforeEach(() => {
  path = tempFolder();
  for (const name of ['bash', 'env', 'dirname', 'uname']) {
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(path, name));
  }
});

function setup(): SpawnSyncReturns<string> {
  return spawnSync('bash', [script], { encoding: 'utf8', env: { PATH: path, HOME: path, CI: 'true' } });
}

test('a machine with neither Node nor Python hears of both, with the fixes, and exits 2', () => {
  const { status, stderr } = setup();
  expect(status).toBe(2);
  expect(stderr).toContain('Node.js is not in PATH');
  expect(stderr).toContain('Python 3.10 or newer is not in PATH');
  expect(stderr.match(/fix: /g)).toHaveLength(2);
});

test('an old Node is told its version and the fix, and exits 2', () => {
  symlinkSync(process.execPath, join(path, 'node'));
  const preload = join(path, 'old.cjs');
  writeFileSync(
    preload,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.1' } });`,
  );
  const { status, stderr } = spawnSync('bash', [script], {
    encoding: 'utf8',
    env: { PATH: path, HOME: path, NODE_OPTIONS: `--require ${preload}` },
  });
  expect(status).toBe(2);
  expect(stderr).toContain('Node.js is 18.19.1; needed is 20.0.0 or newer');
  expect(stderr).not.toContain('    at ');
});
