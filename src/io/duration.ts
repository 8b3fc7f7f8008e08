/** 340 ms, 7.2 s, 2 min 05 s: for people, three significant places at most. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** 30 s, 1 min 30 s, 10 min: a clock that somebody watches, without the noise below a second. */
export function formatClock(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  const rest = seconds % 60;
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${String(rest).padStart(2, '0')} s`}`;
}
