import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startTimeOf } from '../../lab/process-identity.ts';
import { runningLab } from '../../src/lab-client/lab-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** What a lab of this process would have written, had it one. */
async function record(change: { pidStartTime?: string; endpoint: string }): Promise<void> {
  const state = tempFolder();
  vi.stubEnv('ECS_HOST_STATE', state);
  await mkdir(join(state, 'lab'));
  const pidStartTime = await startTimeOf(process.pid);
  const written = { version: 1, pid: process.pid, pidStartTime, ownerPid: null, startedAt: '', netns: '', ...change };
  await writeFile(join(state, 'lab', 'lab.json'), JSON.stringify(written));
}

test('a lab that is not up is none, and none is started to say so', async () => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  expect(await runningLab()).toBeNull();
});

test('nor is one whose daemon was killed: its machines went with it', async () => {
  await record({ pidStartTime: '1', endpoint: 'http://127.0.0.1:9' });
  expect(await runningLab()).toBeNull();
});

test('one that is there and does not answer is an error, since its machines may be there too', async () => {
  await record({ endpoint: 'http://127.0.0.1:9' });
  await expect(runningLab()).rejects.toMatchObject({ code: 'LAB_FAILED' });
});

test('one that answers is known by its endpoint', async () => {
  const server = createServer(({ headers }, response) =>
    response.end(JSON.stringify({ endpoint: `http://${headers.host}`, staysFor: [], instances: [], images: [] })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await record({ endpoint });
    expect(await runningLab()).toBe(endpoint);
  } finally {
    server.close();
  }
});
