import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Message, Reporter } from '../../src/io/reporter.ts';
import { claimRun } from '../../src/run/owner.ts';
import {
  KEEP_ANY_MS,
  KEEP_EVIDENCE_COUNT,
  KEEP_EVIDENCE_MS,
  pruneRuns,
  type StoredRun,
  selectPrunable,
} from '../../src/run/prune.ts';
import { newRunId } from '../../src/run/run-id.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NOW = Date.UTC(2026, 10, 26, 12);
const MINUTE_MS = 60_000;

function aged(ageMs: number): string {
  return newRunId(new Date(NOW - ageMs));
}

function run(ageMs: number, more: Partial<StoredRun> = {}): StoredRun {
  return { runId: aged(ageMs), isAlive: false, isNamed: false, hasEvidence: false, ...more };
}

describe('which runs may go', () => {
  test.each([
    ['one that is over and holds nothing', run(KEEP_ANY_MS + MINUTE_MS)],
    ['logs that nobody looked into for long', run(KEEP_EVIDENCE_MS + MINUTE_MS, { hasEvidence: true })],
  ])('goes: %s', (_, old) => {
    expect(selectPrunable([old], NOW)).toEqual([old.runId]);
  });

  test.each([
    ['a live one, however old', run(10 * KEEP_EVIDENCE_MS, { isAlive: true })],
    ['one that a record names, however old', run(10 * KEEP_EVIDENCE_MS, { isNamed: true, hasEvidence: true })],
    ['a young one, which may be at work', run(KEEP_ANY_MS - MINUTE_MS)],
    ['logs of the last days', run(KEEP_EVIDENCE_MS - MINUTE_MS, { hasEvidence: true })],
    ['one from a clock that is ahead', run(-10 * MINUTE_MS)],
  ])('stays: %s', (_, kept) => {
    expect(selectPrunable([kept], NOW)).toEqual([]);
  });

  test('of many with logs the newest stay; those that must stay do not count', () => {
    const failed = Array.from({ length: KEEP_EVIDENCE_COUNT + 2 }, (_, at) =>
      run(KEEP_ANY_MS + (at + 1) * MINUTE_MS, { hasEvidence: true }),
    );
    const named = Array.from({ length: 50 }, (_, at) => run(KEEP_ANY_MS + at, { isNamed: true, hasEvidence: true }));
    const oldest = failed.slice(-2).map(({ runId }) => runId);
    expect(selectPrunable([...failed, ...named], NOW)).toEqual(oldest.toReversed());
  });
});

describe('the folders', () => {
  let state = '';
  const told: Message[] = [];
  const reporter: Reporter = { emit: (message) => void told.push(message), close: async () => {} };

  beforeEach(() => {
    state = tempFolder();
    told.length = 0;
    vi.stubEnv('ECS_HOST_STATE', state);
    vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  async function makeRun(runId: string, ...files: string[]): Promise<string> {
    await mkdir(join(state, 'runs', runId), { recursive: true });
    for (const file of files) await writeFile(join(state, 'runs', runId, file), '');
    return runId;
  }

  test('go when the selection says so; those of a live process and of any record stay', async () => {
    const old = KEEP_EVIDENCE_MS + MINUTE_MS;
    const gone = await makeRun(aged(old), 'owner.json', 'packer.log');
    const empty = await makeRun(aged(KEEP_ANY_MS + MINUTE_MS));
    const mine = await makeRun(aged(old + 1000), 'packer.log');
    await claimRun(mine);
    const baked = await makeRun(aged(old + 2000), 'packer.log');
    const ofDamaged = await makeRun(aged(old + 3000), 'packer.log');
    const notOurs = await makeRun('something-else', 'x');
    await mkdir(join(state, 'images'));
    await writeFile(join(state, 'images', 'ami-0aa.json'), JSON.stringify({ runId: baked }));
    await writeFile(join(state, 'images', 'ami-0bb.json'), `{"evidence": ["/x/runs/${ofDamaged}/journal`);

    expect((await pruneRuns({ reporter, dryRun: true })).toSorted()).toEqual([gone, empty].toSorted());
    expect(await readdir(join(state, 'runs'))).toHaveLength(6);
    await pruneRuns({ reporter });
    expect((await readdir(join(state, 'runs'))).toSorted()).toEqual([mine, baked, ofDamaged, notOurs].toSorted());
    expect(told).toEqual([{ type: 'note', code: 'RUNS_PRUNED', text: 'Removed the folders of 2 old runs.' }]);
  });

  test('without any run there is nothing to do', async () => {
    expect(await pruneRuns({ reporter })).toEqual([]);
    expect(told).toEqual([]);
  });
});
