import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { followDocker } from '../../hostd/follow-docker.ts';
import { createLog } from '../../hostd/log.ts';
import { createTestDocker, PLACE_HELPER } from '../fixtures/host-service.ts';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
let docker: ReturnType<typeof createTestDocker>;
let state: string;
let statuses: string[];
let stopping: AbortController;
let following: Promise<void>;

beforeEach(async () => {
  folder = tempFolder();
  docker = createTestDocker();
  state = 'active';
  statuses = [];
  stopping = new AbortController();
  await mkdir(join(folder, 'containers'));
});
afterEach(async () => {
  stopping.abort();
  await following;
});

function follow(): void {
  following = followDocker(
    {
      docker: docker.client,
      units: { state: async () => state },
      log: createLog(() => undefined),
      notify: { status: (text) => statuses.push(text) },
      paths: {
        assigned: join(folder, 'assigned.json'),
        placer: { containers: join(folder, 'containers'), outbox: join(folder, 'outbox'), helper: PLACE_HELPER },
      },
      downMs: 20,
      compareEveryMs: 50,
    },
    stopping.signal,
  );
}

function isReady(name: string): Promise<boolean> {
  return access(join(folder, 'containers', name, '.ready')).then(
    () => true,
    () => false,
  );
}

async function run(id: string, name: string, options: { quietly?: boolean } = {}): Promise<void> {
  await mkdir(join(folder, 'containers', name));
  docker.run(id, name, options);
}

describe('on a development host', () => {
  test('a container that ran before, and one that starts, are made ready without a handshake', async () => {
    await run('a', 'before', { quietly: true });
    follow();
    await expect.poll(() => isReady('before')).toBe(true);
    await run('b', 'after');
    await expect.poll(() => isReady('after')).toBe(true);
    docker.die('b');
    await expect.poll(() => isReady('after')).toBe(false);
  });

  test('a start that no event told of is found', async () => {
    follow();
    await expect.poll(() => statuses).toContain('follows Docker');
    await run('a', 'quiet', { quietly: true });
    await expect.poll(() => isReady('quiet')).toBe(true);
  });

  test('Docker may be restarted: what starts afterwards is made ready', async () => {
    follow();
    await expect.poll(() => statuses).toContain('follows Docker');
    state = 'activating';
    docker.goAway();
    await expect.poll(() => statuses.at(-1)).toBe('waits for Docker');
    docker.comeBack();
    state = 'active';
    await expect.poll(() => statuses.at(-1)).toBe('follows Docker');
    await run('a', 'after');
    await expect.poll(() => isReady('after')).toBe(true);
  });

  test('a Docker that somebody stopped is not woken through its socket', async () => {
    state = 'inactive';
    const calls = (['subscribe', 'list', 'look'] as const).map((name) => vi.spyOn(docker.client, name));
    follow();
    await expect.poll(() => statuses).toContain('waits for Docker');
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const call of calls) expect(call).not.toHaveBeenCalled();
  });
});
