import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withSession } from '../../src/cli/session.ts';
import { EcsHostError } from '../../src/io/errors.ts';
import { formatTimings, readTimings } from '../../src/run/timings.ts';
import { tempFolder } from '../support/temp-folder.ts';

let said = '';
beforeEach(() => {
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** A session that is interrupted at once, and whose work then fails as given. */
function interrupted(keeps: boolean, failure: (reason: unknown) => unknown): Promise<never> {
  const before = new Set(process.listeners('SIGINT'));
  return withSession(
    { plain: true },
    async ({ signal }): Promise<never> => {
      for (const listener of process.listeners('SIGINT')) if (!before.has(listener)) listener('SIGINT');
      throw failure(signal.reason);
    },
    { keeps },
  );
}

test('what an interrupted run made is released, and said to be', async () => {
  await expect(interrupted(false, () => new Error('half done'))).rejects.toMatchObject({
    kind: 'interrupted',
    message: 'Interrupted; what this run made was released.',
  });
  expect(said).toContain('Stopping: releasing what this run made.');
});

test('a verb that keeps what it made says itself what that is', async () => {
  const own = new EcsHostError(
    'interrupted',
    'BOOTSTRAP_INTERRUPTED',
    'It went wrong at "create role x": Interrupted.',
  );
  await expect(interrupted(true, () => own)).rejects.toBe(own);
  expect(said).toContain('what was done stays');
});

test('or was interrupted before it began', async () => {
  await expect(interrupted(true, (reason) => reason)).rejects.toMatchObject({
    kind: 'interrupted',
    message: 'Interrupted before anything was changed.',
  });
});

test('a run tells what earlier ones took, and keeps what it took itself', async () => {
  const state = tempFolder();
  vi.stubEnv('ECS_HOST_STATE', state);
  vi.stubEnv('AWS_ENDPOINT_URL', '');
  const before = new Map([['ami local › bake', [36_000]]]);
  await writeFile(join(state, 'timings.json'), formatTimings(before));
  const run = (fails: boolean): Promise<void> =>
    withSession({ _: ['ami'], plain: true }, async (session) => {
      await session.span('bake', async () => {});
      await session.span('smoke', async () => {
        if (fails) throw new Error('no');
      });
    });
  await run(false);
  expect(said).toContain('..    bake, about 35 s\n');
  await expect(run(true)).rejects.toThrow('no');
  const after = await readTimings();
  expect(after.get('ami local › bake')).toHaveLength(3);
  // Neither took half a second, nor did the run.
  expect([...after.keys()]).toEqual(['ami local › bake']);
});
