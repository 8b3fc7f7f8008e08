import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { makeSelfSigned } from '../../webserver/tls.ts';

test.each(['127.0.0.1', '::1', '2001:db8::10:2'])('a certificate for %s, which begins before now', async (address) => {
  const { cert } = await makeSelfSigned(address);
  const found = new X509Certificate(cert);
  expect(found.checkIP(address)).toBe(address);
  expect(found.verify(found.publicKey)).toBe(true);
  const hours = (Date.now() - found.validFromDate.getTime()) / 3_600_000;
  expect(hours).toBeGreaterThan(23);
  expect(found.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(86_400_000);
});

test.each([
  ['as it is', {}, 200],
  ['with a clock that is wrong: it begins tomorrow', { from: 86_400_000, to: 2 * 86_400_000 }, 'CERT_NOT_YET_VALID'],
])('a client that trusts it connects, %s', async (_, valid, expected) => {
  const tls = await makeSelfSigned('127.0.0.1', ...('from' in valid ? [valid as { from: number; to: number }] : []));
  const server = createServer(tls, (__, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const outcome = await new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    request({ host: '127.0.0.1', port, ca: tls.cert, agent: false }, (answer) => resolve(answer.resume().statusCode))
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      .end();
  });
  expect(outcome).toBe(expected);
  server.close();
});
