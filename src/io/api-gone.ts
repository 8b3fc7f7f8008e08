import { setTimeout as sleep } from 'node:timers/promises';
import { EcsHostError } from './errors.ts';

/** How long whoever watches an API may take to say that it is gone. */
const VERDICT_MS = 3000;
const NO_CONNECTION = /^(ECONNREFUSED|ECONNRESET|EPIPE)$/;

/**
 * Whether the run was ended because its API is gone for good. Then nothing there can be asked for, and nothing can be
 * removed.
 */
export function isApiGone({ reason }: AbortSignal): boolean {
  return reason instanceof EcsHostError && reason.code === 'LAB_GONE';
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return NO_CONNECTION.test((error as NodeJS.ErrnoException).code ?? '') || isConnectionError(error.cause);
}

/** After an error for want of a connection: waits for the word of whoever watches, if there is one coming. */
export async function awaitVerdict(error: unknown, signal: AbortSignal): Promise<void> {
  if (signal.aborted || !isConnectionError(error)) return;
  await sleep(VERDICT_MS, undefined, { signal }).catch(() => undefined);
}
