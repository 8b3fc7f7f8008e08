import { formatClock } from '../duration.ts';

const SECOND_MS = 1000;
/** Below this a step is over before anybody has read what to expect of it. */
const WORTH_SAYING_MS = 2000;

/** What is known of the time of a step: the middle of its last times, and when it gives up. */
export type Bounds = { readonly expectedMs: number | null; readonly limitMs: number | null };

/** Round, since it is a guess: 35 s for 36.4 s, 4 min 10 s for 252 s. */
export function roundAbout(durationMs: number): number {
  const seconds = durationMs / SECOND_MS;
  const unit = seconds < 20 ? 1 : seconds < 120 ? 5 : seconds < 600 ? 10 : 60;
  return Math.max(1, Math.round(seconds / unit) * unit) * SECOND_MS;
}

/** `12 s`, `12 s of about 35 s`, or `40 s, usually 35 s, at most 10 min`. */
export function formatElapsed(elapsedMs: number, { expectedMs, limitMs }: Bounds): string {
  const elapsed = formatClock(elapsedMs);
  if (expectedMs === null || Math.max(expectedMs, elapsedMs) < WORTH_SAYING_MS)
    return limitMs === null ? elapsed : `${elapsed} of at most ${formatClock(limitMs)}`;
  const usual = roundAbout(expectedMs);
  // By whole seconds, as both are shown.
  if (Math.floor(elapsedMs / SECOND_MS) * SECOND_MS <= usual) return `${elapsed} of about ${formatClock(usual)}`;
  const limit = limitMs === null ? '' : `, at most ${formatClock(limitMs)}`;
  return `${elapsed}, usually ${formatClock(usual)}${limit}`;
}
