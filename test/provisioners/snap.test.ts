import { describe, expect, test } from 'vitest';
import { heldUntil, holdRefreshes, type Snap } from '../../provisioners/lib/snap.ts';

const NOW = Date.parse('2026-11-26T12:00:00Z');
const DAY_MS = 86_400_000;

/** snapd as the tool shows it: of a version, and with a hold that it keeps. */
class Snapd {
  readonly calls: string[] = [];
  readonly #version: string;
  hold: string | null;
  isDeaf = false;

  constructor(version: string, hold: string | null = null) {
    this.#version = version;
    this.hold = hold;
  }

  readonly snap: Snap = async (args) => {
    const line = args.join(' ');
    this.calls.push(line);
    if (line === 'version')
      return { exitCode: 0, stdout: `snap    ${this.#version}\nsnapd   ${this.#version}\nseries  16\n` };
    if (line === 'get system refresh.hold')
      return this.hold === null ? { exitCode: 1, stdout: '' } : { exitCode: 0, stdout: `${this.hold}\n` };
    if (this.isDeaf) return { exitCode: 1, stdout: '' };
    if (line === 'refresh --hold') this.hold = 'forever';
    const set = /^set system refresh\.hold=(.*)$/.exec(line)?.[1];
    if (set !== undefined) this.hold = set;
    return { exitCode: 0, stdout: '' };
  };
}

describe('refreshes of snaps', () => {
  test.each(['2.58', '2.63+22.04', '2.67.1+20.04', '3.0'])('are held for ever by snapd %s', async (version) => {
    const snapd = new Snapd(version);
    expect(await holdRefreshes(snapd.snap, NOW)).toBe(true);
    expect(await heldUntil(snapd.snap, NOW)).toBe('forever');
    // It takes no orders before its first snaps are there, and a refresh that has begun is waited for.
    expect(snapd.calls.indexOf('wait system seed.loaded')).toBeLessThan(snapd.calls.indexOf('refresh --hold'));
    expect(snapd.calls.indexOf('watch --last=auto-refresh?')).toBeGreaterThan(snapd.calls.indexOf('refresh --hold'));
  });

  test.each(['2.57.6', '2.48.3+20.04', '1.99'])('are held as long as snapd %s can', async (version) => {
    const snapd = new Snapd(version);
    expect(await holdRefreshes(snapd.snap, NOW)).toBe(true);
    expect(Date.parse(await heldUntil(snapd.snap, NOW))).toBe(NOW + 90 * DAY_MS);
    expect(snapd.calls).not.toContain('refresh --hold');
  });

  test('that are held already stay as they are', async () => {
    const snapd = new Snapd('2.63', 'forever');
    expect(await holdRefreshes(snapd.snap, NOW)).toBe(false);
    expect(snapd.calls).toEqual(['get system refresh.hold']);
  });

  test('are not held by what is over, or is no time', async () => {
    for (const hold of [null, '', '2026-11-25T00:00:00Z', 'soon'])
      expect(await heldUntil(new Snapd('2.63', hold).snap, NOW)).toBe('not held');
  });

  test('that snapd goes on with end the bake', async () => {
    const snapd = new Snapd('2.63');
    snapd.isDeaf = true;
    await expect(holdRefreshes(snapd.snap, NOW)).rejects.toThrow('does not hold');
  });
});
