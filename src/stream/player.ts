import { basename } from 'node:path';
import { execa } from 'execa';
import { findProgram } from '../io/programs.ts';
import { type LiveStream, Patience } from './live.ts';

type Shown = { readonly title: string; readonly fps: string };

/**
 * How each player shows H.264 from stdin with the least delay, and ends with it; the first that is there is taken. The
 * bare stream says no times, so a player that went by another rate would fall behind.
 */
const PLAYERS: Readonly<Record<string, (shown: Shown) => string[]>> = {
  // biome-ignore format: one option a line says less.
  ffplay: ({ title, fps }) => [
    '-hide_banner', '-loglevel', 'error', '-probesize', '32', '-analyzeduration', '0', '-fflags', 'nobuffer', '-flags', 'low_delay',
    '-sync', 'ext', '-framedrop', '-autoexit', '-window_title', title, '-framerate', fps, '-f', 'h264', '-i', 'pipe:0',
  ],
  // Its output by SDL, which it falls back to where there is no GL, stands still at the first picture of a pipe.
  mpv: ({ title }) => [
    ...['--no-config', '--really-quiet', '--vo=gpu,x11', '--profile=low-latency', '--untimed', '--cache=no'],
    ...[`--title=${title}`, '--demuxer=lavf', '--demuxer-lavf-format=h264', '-'],
  ],
  vlc: ({ title, fps }) => [
    ...['--quiet', '--no-video-title-show', '--play-and-exit', '--live-caching=0', '--file-caching=0'],
    ...[`--meta-title=${title}`, '--demux=h264', `--h264-fps=${fps}`, '-'],
  ],
};

/** About a second; a player that takes nothing for longer (paused, say) goes on with the present picture. */
const MOST_WAITING = 1024 * 1024;
/** A player that fails so early has shown nothing. */
const FAILED_EARLY_MS = 3000;
const KILL_AFTER_MS = 2000;

/** Where a window can open. */
export function hasDisplay(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment['DISPLAY'] || environment['WAYLAND_DISPLAY']);
}

/** The path of a player, or null when there is none or no display to open its window on. */
export async function findPlayer(environment: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  if (!hasDisplay(environment)) return null;
  for (const name of Object.keys(PLAYERS)) {
    const path = await findProgram(name);
    if (path !== null) return path;
  }
  return null;
}

export type PlayerEnd = {
  /** `closed` by whoever watched, `stopped` by the signal, `failed` before it can have shown anything. */
  readonly how: 'closed' | 'stopped' | 'failed';
  readonly stderr: string;
};

/**
 * Shows the stream in the player, from its first picture until somebody closes the player or the signal fires. The
 * player ends with this program.
 *
 * @throws the signal's reason when it fires before there is a picture
 */
export async function play(stream: LiveStream, path: string, title: string, signal: AbortSignal): Promise<PlayerEnd> {
  const { fps } = await stream.firstPicture(signal);
  const options = PLAYERS[basename(path)]?.({ title, fps: String(fps) }) ?? [];
  const startedAt = performance.now();
  const stop = { cancelSignal: signal, killSignal: 'SIGTERM', forceKillAfterDelay: KILL_AFTER_MS } as const;
  // stdout is ours, for results; a player that dies with its input ends when we do, whatever ends us.
  const player = execa(path, options, { stdin: 'pipe', stdout: 'ignore', reject: false, ...stop });
  player.stdin.on('error', () => undefined);
  const patience = new Patience(MOST_WAITING);
  const leave = stream.join({
    onUnit: (unit) => {
      if (patience.takes(unit, player.stdin.writableLength)) player.stdin.write(unit.data);
    },
    onStatus: () => undefined,
  });
  try {
    const { exitCode, stderr } = await player;
    if (signal.aborted) return { how: 'stopped', stderr };
    const isEarly = exitCode !== 0 && performance.now() - startedAt < FAILED_EARLY_MS;
    return { how: isEarly ? 'failed' : 'closed', stderr };
  } finally {
    leave();
    if (!player.stdin.destroyed) player.stdin.destroy();
  }
}
