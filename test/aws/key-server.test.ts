import { fromHttp } from '@aws-sdk/credential-providers';
import { afterEach, expect, test, vi } from 'vitest';
import { serveKeys } from '../../src/aws/key-server.ts';

const KEYS = { accessKeyId: 'ASIA1', secretAccessKey: 'very-secret', sessionToken: 'token' };

function urlOf(environment: Readonly<Record<string, string | undefined>>): string {
  return environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '';
}
afterEach(() => vi.unstubAllEnvs());

test('an SDK in that environment gets the keys of now, each time that it asks', async () => {
  let asked = 0;
  await using server = await serveKeys(async () => {
    asked += 1;
    return { ...KEYS, accessKeyId: `ASIA${asked}`, expiration: new Date('2027-01-01T00:00:00Z') };
  });
  for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
  expect(await fromHttp()()).toMatchObject({
    ...KEYS,
    accessKeyId: 'ASIA1',
    expiration: new Date('2027-01-01T00:00:00Z'),
  });
  expect(await fromHttp()()).toMatchObject({ accessKeyId: 'ASIA2' });
});

test('without the token nobody gets anything', async () => {
  await using server = await serveKeys(async () => KEYS);
  for (const headers of [{}, { authorization: 'x'.repeat(64) }]) {
    const answer = await fetch(urlOf(server.environment), { headers });
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('very-secret');
  }
});

test('no other source of keys is left in the environment, and the reason of a failure is told', async () => {
  await using server = await serveKeys(async () => {
    throw new Error('The SSO session has expired');
  });
  const { environment } = server;
  const others = ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'];
  for (const name of others) expect(environment).toHaveProperty(name, undefined);
  expect(environment).toMatchObject({ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' });
  const answer = await fetch(urlOf(environment), {
    headers: { authorization: environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '' },
  });
  expect(answer.status).toBe(500);
  expect(await answer.text()).toContain('The SSO session has expired');
});
