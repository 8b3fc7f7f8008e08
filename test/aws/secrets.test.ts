import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { readSecret } from '../../src/aws/secrets.ts';

/** A store that gives one answer to every call. */
async function store(status: number, body: object) {
  const server = createServer((_, outgoing) => {
    outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    outgoing.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    region: 'us-east-2',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
}

const SECRET = { store: 'secrets-manager', name: 'a/b' } as const;
const PARAMETER = { store: 'parameter-store', name: '/a/b' } as const;

test('the text of a secret and of a parameter', async () => {
  expect(await readSecret(await store(200, { SecretString: 'text' }), SECRET)).toBe('text');
  expect(await readSecret(await store(200, { Parameter: { Value: 'text' } }), PARAMETER)).toBe('text');
});

test.each([
  ['that is not there', 400, { __type: 'ResourceNotFoundException', message: 'no such secret' }],
  ['that may not be read', 400, { __type: 'AccessDeniedException', message: 'not authorized' }],
  ['that is binary', 200, { SecretBinary: 'AAAA' }],
  ['that is blank', 200, { SecretString: ' \n' }],
])('a secret %s is the user’s to mend', async (_, status, body) => {
  await expect(readSecret(await store(status, body), SECRET)).rejects.toMatchObject({
    kind: 'user',
    code: 'SECRET_UNREADABLE',
  });
});

test.each([
  [400, { __type: 'ThrottlingException', message: 'slow down' }],
  [503, { __type: 'InternalServiceError', message: 'sorry' }],
])('a store that does not answer says nothing about the configuration: %s', async (status, body) => {
  const error = await readSecret(await store(status, body), SECRET).catch((reason: unknown) => reason);
  expect(error).not.toMatchObject({ code: 'SECRET_UNREADABLE' });
  expect(error).toBeInstanceOf(Error);
});
