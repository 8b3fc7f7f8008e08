import { describe, expect, test } from 'vitest';
import { TOKEN_LIFE_S } from '../../webserver/hosts.ts';
import { NONCE_LIFE_S } from '../../webserver/nonces.ts';
import { createTestHost, instanceIdOf } from '../fixtures/host.ts';
import { authority, beat, challenge, newId, post, serverForAllTests, settings, shake } from './tested-server.ts';

serverForAllTests();

describe('whoever is not that host is refused', () => {
  test('a handshake that was recorded cannot be shown again', async () => {
    const host = createTestHost(authority, newId());
    const recorded = host.handshake(await challenge(host.instanceId));
    expect((await post('/host_service/auth', recorded)).status).toBe(200);
    expect(await post('/host_service/auth', recorded)).toMatchObject({ status: 400, body: { code: 'NONCE' } });
  });

  test('nor twice at once', async () => {
    const host = createTestHost(authority, newId());
    const recorded = host.handshake(await challenge(host.instanceId));
    const answers = await Promise.all([1, 2, 3].map(() => post('/host_service/auth', recorded)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
  });

  test('nor with the nonce of another host, a nonce of nobody, or an old one', async () => {
    const host = createTestHost(authority, newId());
    const foreign = await challenge(newId());
    expect(await post('/host_service/auth', host.handshake(foreign))).toMatchObject({ body: { code: 'NONCE' } });
    const made = host.handshake('A'.repeat(43));
    expect(await post('/host_service/auth', made)).toMatchObject({ body: { code: 'NONCE' } });
    const old = await challenge(host.instanceId);
    settings.nowMs += NONCE_LIFE_S * 1000 + 1;
    expect(await post('/host_service/auth', host.handshake(old))).toMatchObject({ body: { code: 'NONCE' } });
  });

  test('a proof by another key, or over another control port, does not count', async () => {
    const host = createTestHost(authority, newId());
    const other = createTestHost(authority, host.instanceId);
    const nonce = await challenge(host.instanceId);
    const { proof } = other.handshake(nonce);
    expect(await post('/host_service/auth', host.handshake(nonce, { proof }))).toMatchObject({
      status: 400,
      body: { code: 'PROOF' },
    });
    const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const control = { port: 1, certificate, token: 'A'.repeat(43) };
    expect(await shake(host, { control })).toMatchObject({ status: 400, body: { code: 'PROOF' } });
  });

  test('a live instance id with another key is known already; the same host is let in again', async () => {
    const host = createTestHost(authority, newId());
    expect((await shake(host)).status).toBe(200);
    expect(await shake(createTestHost(authority, host.instanceId))).toMatchObject({
      status: 400,
      body: { code: 'INSTANCE_KNOWN' },
    });
    expect((await shake(host)).status).toBe(200);
    settings.nowMs += TOKEN_LIFE_S * 1000 + 1;
    expect((await shake(createTestHost(authority, host.instanceId))).status).toBe(200);
  });

  test.for<[string, object, object, string]>([
    ['a document that was changed', {}, { identityDocument: '{}' }, 'PROOF'],
    ['a signature of somebody else', {}, { identitySignature: 'AAAA' }, 'denied: the signature'],
    ['another account', { accountId: '999999999999' }, {}, 'denied: its account'],
    ['another image', { imageId: 'ami-00000000000000009' }, { imageId: 'ami-00000000000000009' }, 'denied: its image'],
    ['another region', { region: 'us-east-1' }, { region: 'us-east-1' }, 'denied: no certificate'],
    ['a type that the document does not say', {}, { instanceType: 'p5.48xlarge' }, 'denied: instanceType'],
  ])('%s', async ([, document, changes, expected]) => {
    const answer = await shake(createTestHost(authority, newId(), document), changes);
    const said = answer.status === 403 ? `denied: ${String(answer.body['reason'])}` : String(answer.body['code']);
    expect(said).toContain(expected);
  });

  test.for<[string, unknown, number]>([
    ['not JSON', '{', 400],
    ['not an object', [], 400],
    ['another version', { version: 2, instanceId: instanceIdOf(1) }, 400],
    ['an unknown field', { version: 1, instanceId: instanceIdOf(1), extra: 1 }, 400],
    ['an id that is none', { version: 1, instanceId: '../etc' }, 400],
    ['too large', 'x'.repeat(100_000), 413],
  ])('a request that is %s', async ([, body, status]) => {
    expect(await post('/host_service/challenge', body)).toMatchObject({
      status,
      body: { version: 1, code: expect.any(String), reason: expect.any(String) },
    });
  });

  test('other paths, and heartbeats without a token', async () => {
    expect((await post('/host_service/other', {})).status).toBe(404);
    expect((await beat(newId(), 'x')).status).toBe(401);
  });
});
