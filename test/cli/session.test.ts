import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withSession } from '../../src/cli/session.ts';
import { EcsHostError } from '../../src/io/errors.ts';

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

test('a run that was ended for another reason says that reason, and not that it was interrupted', async () => {
  const gone = new EcsHostError('outside', 'LAB_GONE', 'The lab is gone.');
  const ended = withSession({ plain: true }, async ({ abort, signal }): Promise<never> => {
    abort(gone);
    signal.throwIfAborted();
    throw new Error('went on');
  });
  await expect(ended).rejects.toBe(gone);
});
