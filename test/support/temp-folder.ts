/**
 * Folders of tests: made below the system's temporary folder, and gone again whatever became of the test. No other test file makes one, so
 * that nothing is left for whoever runs them (`own-temp-folder.ts` looks).
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/** A folder of the test that runs, also when a `beforeEach` asks. It goes after every `afterEach`. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder for all tests of the file or the `describe` that calls this; it is there from the first `beforeAll` to the last `afterAll`. */
export function sharedTempFolder(): string {
  const folder = join(tmpdir(), `test-${randomUUID().slice(0, 8)}`);
  beforeAll(() => mkdir(folder, { mode: 0o700 }));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
