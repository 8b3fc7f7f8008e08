/**
 * Folders of tests, gone again whatever became of the test. No other test file makes one, so that nothing is left for
 * whoever runs them (`own-temp-folder.ts` looks).
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/** Retried: a process that is about to end may still write. */
const GONE = { recursive: true, force: true, maxRetries: 5 } as const;

/** A folder of the test that runs, also when a `beforeEach` asks. It goes after every `afterEach`. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'test-'));
  onTestFinished(() => rm(folder, GONE));
  return folder;
}

/** A folder for all tests of the file or `describe` that calls this, there from its `beforeAll` to its `afterAll`. */
export function sharedTempFolder(): string {
  const folder = join(tmpdir(), `test-${randomUUID().slice(0, 8)}`);
  beforeAll(() => mkdir(folder, { mode: 0o700 }));
  afterAll(() => rm(folder, GONE));
  return folder;
}
