import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addChild, claimRun, isAlive, leftoverChildren, processStart, readOwner } from '../../src/run/owner.ts';
import { tempFolder } from '../support/temp-folder.ts';

const runId = 'r-20261123120000-abcdef';
let folder: string;

beforeEach(() => {
  folder = tempFolder();
  vi.stubEnv('ECS_HOST_STATE', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('a run is alive as long as its process, and only with the same start time', async () => {
  await claimRun(runId);
  const owner = await readOwner(runId);
  expect(owner && isAlive(owner)).toBe(true);
  if (!owner) return;
  expect(isAlive({ ...owner, process: { ...owner.process, startTime: '1' } })).toBe(false);
  expect(isAlive({ ...owner, bootId: 'another boot' })).toBe(false);
});

test('claiming twice keeps what is written', async () => {
  await claimRun(runId);
  const first = await readOwner(runId);
  await claimRun(runId);
  expect(await readOwner(runId)).toEqual(first);
});

test('children are remembered while they run', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  await claimRun(runId);
  await addChild(runId, pid);
  const owner = await readOwner(runId);
  expect(owner && leftoverChildren(owner).map((left) => left.pid)).toEqual([pid]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(owner && leftoverChildren(owner)).toEqual([]);
  expect(processStart(pid)).toBeNull();
});

test('an unreadable or foreign owner file is no owner', async () => {
  expect(await readOwner(runId)).toBeNull();
  await claimRun(runId);
  await writeFile(join(folder, 'runs', runId, 'owner.json'), '{"version":1,"runId":"r-other"}');
  expect(await readOwner(runId)).toBeNull();
});
