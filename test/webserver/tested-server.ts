import { request } from 'node:https';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Decision, startWebserver, type Webserver } from '../../webserver/server.ts';
import { makeSelfSigned, type SelfSigned } from '../../webserver/tls.ts';
import {
  ACCOUNT_ID,
  type createTestHost,
  type IdentityAuthority,
  IMAGE_ID,
  instanceIdOf,
  makeIdentityAuthority,
} from '../fixtures/host.ts';

export let tls: SelfSigned;
export let authority: IdentityAuthority;
/** One for all tests of a file; `start` makes others. */
export let server: Webserver;
/** What the tests change: its clock, and what it answers. */
export const settings: { nowMs: number; decision: Decision } = { nowMs: 1_000_000, decision: { kind: 'grant' } };
let next = 0;

export function serverForAllTests(): void {
  beforeAll(async () => {
    [tls, authority] = await Promise.all([makeSelfSigned('127.0.0.1'), makeIdentityAuthority()]);
    server = await start();
  });
  beforeEach(() => {
    settings.decision = { kind: 'grant' };
  });
  afterAll(() => server.close());
}

export function newId(): string {
  next += 1;
  return instanceIdOf(next);
}

export function start(more: object = {}): Promise<Webserver> {
  return startWebserver({
    address: '127.0.0.1',
    port: 0,
    tls,
    policy: {
      certificateOf: (region) => (region === 'us-west-2' ? authority.certificate : null),
      accountIds: [ACCOUNT_ID],
      regions: ['us-west-2'],
      imageIds: [IMAGE_ID],
    },
    decide: () => settings.decision,
    monotonic: () => settings.nowMs,
    ...more,
  });
}

export type Answer = { status: number; body: Record<string, unknown> };

export function post(path: string, body: unknown, token?: string, to: Webserver = server): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const outgoing = request(
      { host: '127.0.0.1', port: to.port, path, method: 'POST', ca: tls.cert, agent: false, headers },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += String(chunk);
        });
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

export async function challenge(instanceId: string, to?: Webserver): Promise<string> {
  return String((await post('/host_service/challenge', { version: 1, instanceId }, undefined, to)).body['nonce']);
}

export type TestHost = ReturnType<typeof createTestHost>;

export async function shake(host: TestHost, changes: object = {}, to?: Webserver): Promise<Answer> {
  return post('/host_service/auth', host.handshake(await challenge(host.instanceId, to), changes), undefined, to);
}

export function beat(instanceId: string, token: unknown, isDyingHeartbeat = false, to?: Webserver): Promise<Answer> {
  return post(
    '/host_service/heartbeat',
    {
      version: 1,
      timestamp: new Date().toISOString(),
      heartbeatNumber: 0,
      instanceId,
      totalMemoryKiB: 2,
      freeMemoryKiB: 1,
      isDyingHeartbeat,
    },
    String(token),
    to,
  );
}
