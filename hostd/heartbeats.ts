import { freemem, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { Identity } from './imds.ts';
import type { Log } from './log.ts';
import { type WebserverClient, WebserverTrouble } from './webserver-client.ts';

/** 55 to 65 s, as the first protocol had it. */
const PAUSE = { leastMs: 55_000, spreadMs: 10_000 };
const DYING_HEARTBEAT_MS = 5000;

export type HeartbeatNews =
  | { readonly kind: 'drain'; readonly reason: string }
  | { readonly kind: 'revoked'; readonly reason: string }
  /** The webserver does not know the token (any more): a handshake gives a new one. */
  | { readonly kind: 'unknown' };

export type Heartbeats = {
  /** Beats until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
  /** After another handshake. */
  renew(token: string): void;
  /** The dying heartbeat; never throws and never takes long. */
  sendDying(): Promise<void>;
};

/**
 * `onNews` hears what the webserver wants beyond going on; it is waited for, so that a new token is there for the next
 * beat.
 */
export function createHeartbeats(options: {
  readonly client: WebserverClient;
  readonly identity: Identity;
  readonly token: string;
  readonly log: Log;
  readonly onNews: (news: HeartbeatNews) => Promise<void>;
  readonly pause?: { readonly leastMs: number; readonly spreadMs: number };
}): Heartbeats {
  const { client, identity, log, onNews, pause = PAUSE } = options;
  let { token } = options;
  let number = 0;
  let last: Promise<unknown> = Promise.resolve();

  const exchange = async (isDyingHeartbeat: boolean): Promise<HeartbeatNews | null> => {
    const answer = await client.heartbeat(token, {
      version: 1,
      timestamp: new Date().toISOString(),
      heartbeatNumber: number,
      instanceId: identity.instanceId,
      totalMemoryKiB: Math.floor(totalmem() / 1024),
      freeMemoryKiB: Math.floor(freemem() / 1024),
      isDyingHeartbeat,
    });
    number += 1;
    if ('revoked' in answer) return { kind: 'revoked', reason: answer.reason };
    token = answer.authToken;
    return answer.command === 'drain' ? { kind: 'drain', reason: 'by the webserver' } : null;
  };

  /** One after the other: each answer brings the token that the next one needs, and there is no other. */
  const send = (isDyingHeartbeat: boolean): Promise<HeartbeatNews | null> => {
    const sent = last.then(() => exchange(isDyingHeartbeat));
    last = sent.catch(() => undefined);
    return sent;
  };

  const beat = async (): Promise<void> => {
    try {
      const news = await send(false);
      log.once('heartbeat', 'info', 'heartbeats are answered');
      if (news) await onNews(news);
    } catch (error) {
      log.once('heartbeat', 'warning', `heartbeat: ${reasonOf(error)}`);
      if (error instanceof WebserverTrouble && error.isUnauthorized) await onNews({ kind: 'unknown' });
    }
  };

  return {
    run: async (signal) => {
      while (!signal.aborted) {
        await beat();
        await sleep(pause.leastMs + Math.random() * pause.spreadMs, undefined, { signal }).catch(() => undefined);
      }
    },
    renew: (next) => {
      token = next;
    },
    sendDying: async () => {
      // Unreferenced, or the process would wait for the limit after the answer has come.
      await Promise.race([send(true), sleep(DYING_HEARTBEAT_MS, undefined, { ref: false })]).catch((error: unknown) =>
        log.say('warning', `dying heartbeat: ${reasonOf(error)}`),
      );
    },
  };
}
