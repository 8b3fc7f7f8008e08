import { setTimeout as sleep } from 'node:timers/promises';
import { proofText } from '#contracts/proof.ts';
import type { ControlPort } from '#contracts/webserver.ts';
import { fullJitterMs } from './backoff.ts';
import type { HostKey } from './host-key.ts';
import type { Identity } from './imds.ts';
import type { Log } from './log.ts';
import { type WebserverClient, WebserverTrouble } from './webserver-client.ts';

const RETRY = { baseMs: 500, capMs: 20_000 };

export type HandshakeOutcome = { readonly token: string } | { readonly denied: string };

export type HandshakeInput = {
  readonly client: WebserverClient;
  readonly identity: Identity;
  readonly environment: string;
  readonly key: HostKey;
  readonly control: ControlPort | null;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onAttempt: (attempt: number) => Promise<void>;
};

async function shakeOnce({ client, identity, environment, key, control }: HandshakeInput): Promise<HandshakeOutcome> {
  const { instanceId, instanceType, region, imageId, document, signature, pkcs7 } = identity;
  const { nonce } = await client.challenge({ version: 1, instanceId });
  const answer = await client.handshake({
    version: 1,
    instanceId,
    instanceType,
    region,
    imageId,
    environment,
    nonce,
    identityDocument: document,
    identitySignature: signature,
    identityPkcs7: pkcs7,
    hostKey: key.publicKey,
    proof: key.sign(proofText({ nonce, instanceId, identityDocument: document, control })),
    control,
  });
  return 'denied' in answer ? { denied: answer.reason } : { token: answer.authToken };
}

/**
 * Asks until the webserver grants or denies; one that is away is asked again for as long as it takes. The first try
 * waits, too, when it follows an outage: each pause is drawn anew from all of its length (full jitter), so that a
 * hundred hosts do not come back at once.
 */
export async function shakeHands(input: HandshakeInput): Promise<HandshakeOutcome> {
  const { log, signal } = input;
  for (let attempt = 0; ; attempt += 1) {
    await input.onAttempt(attempt + 1);
    try {
      return await shakeOnce(input);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WebserverTrouble)) throw error;
      log.once('handshake', 'warning', `handshake: ${error.message}; asking again until it answers`);
      await sleep(fullJitterMs(attempt, RETRY), undefined, { signal });
    }
  }
}
