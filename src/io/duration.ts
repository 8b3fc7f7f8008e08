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

const UNIT_MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60, d: 24 * 60 };

/** `90m`, `8h`, `2d`, `1h30m` as minutes; null for what is none of these. */
export function parseMinutes(text: string): number | null {
  if (!/^(\d{1,6}[mhd])+$/.test(text)) return null;
  return [...text.matchAll(/(\d+)([mhd])/g)].reduce(
    (sum, [, count = '', unit = '']) => sum + Number(count) * (UNIT_MINUTES[unit] ?? 0),
    0,
  );
}

/** 45 min, 8 h, 1 h 30 min, 2 d 3 h: how people say how long something stays. */
export function formatMinutes(minutes: number): string {
  const whole = Math.max(0, Math.round(minutes));
  const parts = [
    [Math.floor(whole / 1440), 'd'],
    [Math.floor((whole % 1440) / 60), 'h'],
    [whole % 60, 'min'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).slice(0, 2);
  return said.length === 0 ? '0 min' : said.map(([count, unit]) => `${count} ${unit}`).join(' ');
}
