import { expect, test } from 'vitest';
import { endContainers } from '../../src/smoke/connections.ts';
import { fakeSsh } from './fake-ssh.ts';

test('containers are killed, so that the instance ends at once', async () => {
  const asked: string[] = [];
  await endContainers(fakeSsh([[/^docker ps --quiet .*docker kill/, {}]], asked));
  expect(asked).toHaveLength(1);
});

test('an instance without Docker, or that answers no more, is no failure', async () => {
  await endContainers(fakeSsh([[/docker/, { exitCode: 123 }]]));
  await endContainers(fakeSsh([]));
});
