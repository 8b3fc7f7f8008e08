import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
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
  /** PKCS #7, with a key of 2048 bits; null where EC2 has none. */
  readonly pkcs7: string | null;
};

/** The metadata service answered, and it was a no. */
class NoAnswer extends Error {
  readonly status: number;
  constructor(path: string, status: number) {
    super(`${path}: HTTP ${status}`);
    this.status = status;
  }
}

/**
 * Own requests and not the SDK's metadata client: the signature needs the document's very bytes, and the host service
 * stays small.
 */
async function ask(path: string, init: RequestInit, endpoint: string): Promise<string> {
  const answer = await fetch(`${endpoint}${path}`, {
    ...init,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new NoAnswer(path, answer.status);
  return answer.text();
}

function text(document: Record<string, unknown>, key: string): string {
  const value = document[key];
  if (typeof value !== 'string' || value === '') throw new Error(`the identity document has no ${key}`);
  return value;
}

const TOKEN_LIFE_S = 300;

async function sessionHeaders(endpoint: string): Promise<Record<string, string>> {
  return {
    'X-aws-ec2-metadata-token': await ask(
      '/api/token',
      { method: 'PUT', headers: { 'X-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_LIFE_S) } },
      endpoint,
    ),
  };
}

async function askIfThere(path: string, init: RequestInit, endpoint: string): Promise<string | null> {
  try {
    return await ask(path, init, endpoint);
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 404) return null;
    throw error;
  }
}

/** A leaf of the metadata, or null when it is not there. Version 2 only. @throws when the metadata service is away */
export async function readMetadata(path: string, endpoint: string = ENDPOINT): Promise<string | null> {
  return askIfThere(path, { headers: await sessionHeaders(endpoint) }, endpoint);
}

/** Version 2 only. @throws when the metadata service is away or answers something else */
export async function readIdentity(endpoint: string = ENDPOINT): Promise<Identity> {
  const headers = await sessionHeaders(endpoint);
  const [document, signature, pkcs7] = await Promise.all([
    ask('/dynamic/instance-identity/document', { headers }, endpoint),
    ask('/dynamic/instance-identity/signature', { headers }, endpoint),
    askIfThere('/dynamic/instance-identity/rsa2048', { headers }, endpoint),
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
    pkcs7,
  };
}

/** The network and the metadata service may both be late at boot. */
export async function waitForIdentity(options: {
  log: Log;
  signal: AbortSignal;
  endpoint?: string;
}): Promise<Identity> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await readIdentity(options.endpoint);
    } catch (error) {
      options.signal.throwIfAborted();
      options.log.once('imds', 'warning', `the metadata service does not answer yet: ${reasonOf(error)}`);
      await sleep(100 + fullJitterMs(attempt, { baseMs: 200, capMs: 5000 }), undefined, { signal: options.signal });
    }
  }
}
