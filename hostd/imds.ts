import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitterMs } from './backoff.ts';
import type { Log } from './log.ts';

const ENDPOINT = 'http://169.254.169.254/latest';
const TIMEOUT_MS = 3000;

export type Identity = {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly region: string;
  readonly accountId: string;
  readonly imageId: string;
  /** Byte for byte as the metadata service gave it: the signature is over these bytes. */
  readonly document: string;
  readonly signature: string;
};

const ask = async (path: string, init: RequestInit, endpoint: string): Promise<string> => {
  const answer = await fetch(`${endpoint}${path}`, {
    ...init,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
  return answer.text();
};

const text = (document: Record<string, unknown>, key: string): string => {
  const value = document[key];
  if (typeof value !== 'string' || value === '') throw new Error(`the identity document has no ${key}`);
  return value;
};

const TOKEN_LIFE_S = 300;

const sessionHeaders = async (endpoint: string): Promise<Record<string, string>> => ({
  'X-aws-ec2-metadata-token': await ask(
    '/api/token',
    { method: 'PUT', headers: { 'X-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_LIFE_S) } },
    endpoint,
  ),
});

/** A leaf of the metadata, or null when it is not there. Version 2 only. @throws when the metadata service is away */
export const readMetadata = async (path: string, endpoint: string = ENDPOINT): Promise<string | null> => {
  const headers = await sessionHeaders(endpoint);
  try {
    return await ask(path, { headers }, endpoint);
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('HTTP 404')) return null;
    throw error;
  }
};

/** Version 2 only. @throws when the metadata service is away or answers something else */
export const readIdentity = async (endpoint: string = ENDPOINT): Promise<Identity> => {
  const headers = await sessionHeaders(endpoint);
  const [document, signature] = await Promise.all([
    ask('/dynamic/instance-identity/document', { headers }, endpoint),
    ask('/dynamic/instance-identity/signature', { headers }, endpoint),
  ]);
  const parsed = JSON.parse(document) as Record<string, unknown>;
  return {
    instanceId: text(parsed, 'instanceId'),
    instanceType: text(parsed, 'instanceType'),
    region: text(parsed, 'region'),
    accountId: text(parsed, 'accountId'),
    imageId: text(parsed, 'imageId'),
    document,
    signature,
  };
};

/** The network and the metadata service may both be late at boot. */
export const waitForIdentity = async (options: {
  log: Log;
  signal: AbortSignal;
  endpoint?: string;
}): Promise<Identity> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await readIdentity(options.endpoint);
    } catch (error) {
      options.signal.throwIfAborted();
      options.log.once(
        'imds',
        'warning',
        `the metadata service does not answer yet: ${error instanceof Error ? error.message : String(error)}`,
      );
      await sleep(100 + fullJitterMs(attempt, { baseMs: 200, capMs: 5000 }), undefined, { signal: options.signal });
    }
  }
};
