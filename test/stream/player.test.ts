import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LiveStream } from '../../src/stream/live.ts';
import { findPlayer, hasDisplay, play } from '../../src/stream/player.ts';
import { startPeer } from '../support/stream-peer.ts';
import { tempFolder } from '../support/temp-folder.ts';

const key = randomBytes(16);
const UNITS = [Buffer.from('0000000165aa', 'hex'), Buffer.from('0000000141bb', 'hex')];

let folder = '';
/** A player of that name in PATH, before all else. */
async function install(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

beforeEach(() => {
  folder = tempFolder();
  vi.stubEnv('PATH', `${folder}${delimiter}/usr/bin${delimiter}/bin`);
});

async function playWith(path: string, signal: AbortSignal = new AbortController().signal) {
  const peer = await startPeer({ key, units: UNITS });
  const stop = new AbortController();
  const stream = new LiveStream({ host: '127.0.0.1', ports: peer.ports, key });
  const running = stream.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
    await peer[Symbol.asyncDispose]();
  });
  return play(stream, path, 'a title', signal);
}

test('a player needs a display', async () => {
  await install('ffplay', 'exit 0');
  expect(await findPlayer({})).toBeNull();
  expect(await findPlayer({ WAYLAND_DISPLAY: 'wayland-0' })).toBe(join(folder, 'ffplay'));
  expect([hasDisplay({ DISPLAY: '' }), hasDisplay({ DISPLAY: ':0' })]).toEqual([false, true]);
});

test('ffplay comes before mpv, and mpv before vlc', async () => {
  vi.stubEnv('PATH', folder);
  const found: (string | null)[] = [await findPlayer({ DISPLAY: ':0' })];
  for (const name of ['vlc', 'mpv', 'ffplay']) {
    await install(name, 'exit 0');
    found.push(await findPlayer({ DISPLAY: ':0' }));
  }
  expect(found).toEqual([null, ...['vlc', 'mpv', 'ffplay'].map((name) => join(folder, name))]);
});

describe('what a player is given', () => {
  test.each(['ffplay', 'mpv', 'vlc'])(
    '%s: its title, and H.264 on stdin from a unit it can begin with',
    async (name) => {
      const path = await install(name, `echo "$*" >"${folder}/options"\nhead -c 12 >"${folder}/input"`);
      expect(await playWith(path)).toMatchObject({ how: 'closed' });
      expect(await readFile(join(folder, 'options'), 'utf8')).toMatch(/a title.*h264.*(-|pipe:0)\n$/);
      expect(await readFile(join(folder, 'input'), 'hex')).toBe('0000000165aa0000000141bb');
    },
  );
});

test('a player that fails at once has shown nothing, and says why', async () => {
  const path = await install('mpv', 'echo no window >&2; exit 1');
  expect(await playWith(path)).toEqual({ how: 'failed', stderr: 'no window' });
});

test('a player ends with the signal, also one that does not want to', { timeout: 20_000 }, async () => {
  const stop = new AbortController();
  const path = await install('mpv', `trap '' TERM; echo $$ >"${folder}/pid"; while :; do sleep 0.1; done`);
  const ended = playWith(path, stop.signal);
  const pid = await vi.waitFor(async () => Number(await readFile(join(folder, 'pid'), 'utf8')), 5000);
  stop.abort();
  expect(await ended).toMatchObject({ how: 'stopped' });
  expect((await execa('kill', ['-0', String(pid)], { reject: false })).exitCode).not.toBe(0);
});
