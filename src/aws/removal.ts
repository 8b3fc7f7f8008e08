import { poll } from '../io/wait-until.ts';

/** Names that the API gives to "it is not there (any more)". */
const GONE = /NotFound|InvalidAMIID\.Unavailable/;
/** A group, volume or snapshot that something not yet quite gone still holds. */
const STILL_HELD = /DependencyViolation|VolumeInUse|IncorrectState|InvalidSnapshot\.InUse|ClusterContains/;
const HELD_MS = 60_000;
export const HELD_PAUSE_MS = 3000;

export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

/** Whether the API says that what was asked for is not there (any more). */
export function isGone(error: unknown): boolean {
  return GONE.test(errorName(error));
}

/** EC2 is eventually consistent: what was just made may not be known everywhere for so long. */
export const UNKNOWN_MS = 120_000;

/** Makes a call about something that was just made, and makes it again while it is said not to be there. */
export async function untilKnown<T>(call: () => Promise<T>, pauseMs = 500, unknownMs = UNKNOWN_MS): Promise<T> {
  let unknown: unknown;
  const tryOnce = async (): Promise<{ readonly answer: T } | null> => {
    try {
      return { answer: await call() };
    } catch (error) {
      if (!isGone(error)) throw error;
      unknown = error;
      return null;
    }
  };
  const pace = { timeoutMs: unknownMs, intervalMs: pauseMs, growth: 1.5, maxIntervalMs: 5000 };
  const done = await poll(tryOnce, pace);
  if (done === null) throw unknown;
  return done.answer;
}

/** Tries again while something that is not quite gone yet holds the resource; that it is gone already is success. */
export async function retryWhileHeld(remove: () => Promise<unknown>, pauseMs: number = HELD_PAUSE_MS): Promise<void> {
  let held: unknown;
  const tryOnce = async (): Promise<true | null> => {
    try {
      await remove();
    } catch (error) {
      if (!isGone(error) && !STILL_HELD.test(errorName(error))) throw error;
      held = error;
      if (!isGone(error)) return null;
    }
    return true;
  };
  if ((await poll(tryOnce, { timeoutMs: HELD_MS, intervalMs: pauseMs })) === null) throw held;
}
