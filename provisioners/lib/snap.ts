/** Runs snap with arguments, and never throws. */
export type Snap = (args: readonly string[]) => Promise<{ readonly exitCode: number | null; readonly stdout: string }>;

/** From here on a hold has no end; snapd before refreshes by itself after ninety days, whatever it is told. */
const HOLDS_FOR_EVER = [2, 58];
const LONGEST_HOLD_MS = 90 * 24 * 3_600_000;

function holdsForEver(versions: string): boolean {
  const [, major = '0', minor = '0'] = /^snapd\s+(\d+)\.(\d+)/m.exec(versions) ?? [];
  const [least = 0, leastMinor = 0] = HOLDS_FOR_EVER;
  return Number(major) > least || (Number(major) === least && Number(minor) >= leastMinor);
}

/** Until when snapd leaves its snaps alone: `forever`, a time, or `not held`. */
export async function heldUntil(snap: Snap, nowMs: number): Promise<string> {
  const { exitCode, stdout } = await snap(['get', 'system', 'refresh.hold']);
  const until = stdout.trim();
  return exitCode === 0 && (until === 'forever' || Date.parse(until) > nowMs) ? until : 'not held';
}

/**
 * Keeps snapd from refreshing snaps, and waits for a refresh that has begun. AWS's agent on Ubuntu is a snap: its
 * restart would cut the connection that a bake runs over. Returns whether that was new.
 */
export async function holdRefreshes(snap: Snap, nowMs: number): Promise<boolean> {
  if ((await heldUntil(snap, nowMs)) !== 'not held') return false;
  // Before that snapd takes no orders.
  await snap(['wait', 'system', 'seed.loaded']);
  const isForEver = holdsForEver((await snap(['version'])).stdout);
  const until = new Date(nowMs + LONGEST_HOLD_MS).toISOString();
  await snap(isForEver ? ['refresh', '--hold'] : ['set', 'system', `refresh.hold=${until}`]);
  if ((await heldUntil(snap, nowMs)) === 'not held') throw new Error('snapd does not hold its refreshes');
  // The question mark: there may have been none.
  await snap(['watch', '--last=auto-refresh?']);
  return true;
}
