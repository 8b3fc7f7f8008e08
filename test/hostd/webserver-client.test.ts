import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createWebserverClient, WebserverTrouble } from '../../hostd/webserver-client.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';

const DAY_MS = 86_400_000;
afterEach(() => vi.useRealTimers());

/** Asks a webserver whose certificate was made so many days from now. */
async function ask(days: number): Promise<unknown> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY_MS });
  const tls = await makeSelfSigned('127.0.0.1');
  vi.useRealTimers();
  const server = createServer(tls, (_, response) =>
    response.end(JSON.stringify({ version: 1, nonce: 'n'.repeat(43), expiresInSeconds: 60 })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createWebserverClient(origin, tls.cert, new AbortController().signal, 5000);
    return await client.challenge({ version: 1, instanceId: 'i-00000000000000001' });
  } finally {
    server.close();
  }
}

test.each([
  ['not yet valid', 3],
  ['expired', -3],
])('a certificate that is %s is said together with the clock of this host', async (what, days) => {
  const error = await ask(days).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WebserverTrouble);
  expect((error as Error).message).toMatch(
    new RegExp(`${what}; or the clock of this host is wrong, which says \\d{4}-\\d\\d-\\d\\d \\d\\d h UTC$`),
  );
});

test.each([0.9, -0.9])('a clock that is off by %f days is none of it', async (days) => {
  expect(await ask(days)).toMatchObject({ version: 1 });
});
