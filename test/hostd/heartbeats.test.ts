import { expect, test } from 'vitest';
import { createHeartbeats } from '../../hostd/heartbeats.ts';
import { createLog } from '../../hostd/log.ts';
import { WebserverTrouble } from '../../hostd/webserver-client.ts';
import { INSTANCE_ID } from '../fixtures/host-service.ts';

test('a host that leaves while a heartbeat is on its way says so with the token that its answer brings', async () => {
  const heard: string[] = [];
  let answerTheFirst = (): void => undefined;
  const isAnswered = new Promise<void>((resolve) => {
    answerTheFirst = resolve;
  });
  let good = 'first';
  const heartbeats = createHeartbeats({
    client: {
      challenge: () => Promise.reject(new Error('not asked here')),
      handshake: () => Promise.reject(new Error('not asked here')),
      heartbeat: async (token, { isDyingHeartbeat, heartbeatNumber }) => {
        heard.push(`${heartbeatNumber} ${token}${isDyingHeartbeat ? ' dying' : ''}`);
        if (!isDyingHeartbeat) await isAnswered;
        // A token is good once.
        if (token !== good) throw new WebserverTrouble('401', true);
        good = 'second';
        return { version: 1, authToken: good, expiresInSeconds: 60, command: 'serve' };
      },
    },
    identity: { instanceId: INSTANCE_ID } as never,
    token: 'first',
    log: createLog(() => undefined),
    onNews: async () => undefined,
  });
  const over = new AbortController();
  const running = heartbeats.run(over.signal);
  await expect.poll(() => heard).toEqual(['0 first']);
  over.abort();
  const leaving = heartbeats.sendDying();
  answerTheFirst();
  await Promise.all([leaving, running]);
  expect(heard).toEqual(['0 first', '1 second dying']);
});
