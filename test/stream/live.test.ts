import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codecOf, isKeyUnit } from '../../src/stream/access-unit.ts';
import { type AccessUnit, type LiveStatus, LiveStream, Patience } from '../../src/stream/live.ts';
import { StrangerError } from '../../src/stream/wire.ts';
import { encodeUnits, startPeer } from '../support/stream-peer.ts';

const key = randomBytes(16);
/** What an access unit needs to be told apart: parameter sets and a picture to begin with, then one that is not. */
const KEY_UNIT = Buffer.from('00000001 67 42c01e ff 00000001 68 ce 000001 65 88'.replaceAll(' ', ''), 'hex');
const OTHER_UNIT = Buffer.from('00000001 41 9a'.replaceAll(' ', ''), 'hex');
const UNITS = [KEY_UNIT, ...Array.from({ length: 9 }, () => OTHER_UNIT)];

/** Follows until the test is over; the outcome of the run is in `ended`. */
function follow(ports: { discoveryTcp: number; streamTcp: number }, withKey: Uint8Array = key) {
  const stop = new AbortController();
  const stream = new LiveStream({ host: '127.0.0.1', ports, key: withKey });
  const statuses: LiveStatus[] = [];
  const units: AccessUnit[] = [];
  stream.join({ onUnit: (unit) => units.push(unit), onStatus: (status) => statuses.push(status) });
  const ended = stream.run(stop.signal).then(
    () => null,
    (error: unknown) => error,
  );
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  const states = (): string[] =>
    statuses.map(({ state }) => state).filter((state, at, all) => at === 0 || state !== all[at - 1]);
  return { stream, statuses, units, states, ended, stop };
}

async function peer(...args: Parameters<typeof startPeer>) {
  const started = await startPeer(...args);
  onTestFinished(async () => started[Symbol.asyncDispose]());
  return started;
}

test('an access unit says whether a decoder can begin with it, and which', () => {
  expect([isKeyUnit(KEY_UNIT), isKeyUnit(OTHER_UNIT), isKeyUnit(Buffer.alloc(0))]).toEqual([true, false, false]);
  expect([codecOf(KEY_UNIT), codecOf(OTHER_UNIT)]).toEqual(['avc1.42c01e', null]);
});

test('what an encoder makes is understood', async (context) => {
  const units = await encodeUnits();
  if (units === null) return context.skip('no ffmpeg with libx264 here (run `make setup`)');
  expect(units).toHaveLength(60);
  expect(units.map(isKeyUnit).flatMap((is, at) => (is ? [at] : []))).toEqual([0, 30]);
  expect(codecOf(units[0] ?? Buffer.alloc(0))).toMatch(/^avc1\.42c0[0-9a-f]{2}$/);
});

describe('a stream that is followed', () => {
  test('gives every unit with its state, size, codec and rate, and says hello on each connection', async () => {
    const { ports, seen } = await peer({ key, units: UNITS });
    const { stream, units, states, stop, ended } = follow(ports);
    await expect.poll(() => stream.status.framesPerSecond).toBeGreaterThan(5);
    expect(stream.status).toMatchObject({
      state: 'live',
      reason: null,
      codec: 'avc1.42c01e',
      picture: { codec: 'h264', width: 320, height: 180, fps: 30 },
    });
    expect(units[0]).toMatchObject({ isKey: true, data: KEY_UNIT });
    expect(units[1]).toMatchObject({ isKey: false, data: OTHER_UNIT });
    expect(states()).toEqual(['connecting', 'live']);
    stop.abort();
    expect(await ended).toBeNull();
    expect(seen).toEqual({ greeted: 2, rude: 0 });
  });

  test('is found again when the peer drops it, and when the peer was away', async () => {
    const first = await startPeer({ key, units: UNITS });
    const { stream, states, statuses } = follow(first.ports);
    await expect.poll(() => stream.status.state).toBe('live');
    first.drop();
    await expect.poll(() => states()).toEqual(['connecting', 'live', 'lost', 'live']);
    await first[Symbol.asyncDispose]();
    await expect.poll(() => stream.status.state).toBe('lost');
    expect(stream.status.framesPerSecond).toBe(0);
    await expect.poll(() => stream.status.reason).toContain('ECONNREFUSED');
    await peer({ key, units: UNITS }, first.ports);
    await expect.poll(() => stream.status.state).toBe('live');
    expect(statuses.find(({ state }) => state === 'lost')?.reason).toMatch(/ended it|ECONNRESET/);
  });

  test('is lost when the peer falls silent, as a host that was switched off', async () => {
    const { ports, freeze } = await peer({ key, units: UNITS });
    const { stream, states } = follow(ports);
    await expect.poll(() => stream.status.state).toBe('live');
    freeze();
    await expect.poll(() => states()).toEqual(['connecting', 'live', 'lost', 'live']);
  });

  test('ends when the peer has another key: trying again would not change that', async () => {
    const { ports } = await peer({ key: randomBytes(16), units: UNITS });
    expect(await follow(ports).ended).toBeInstanceOf(StrangerError);
  });

  test('keeps connecting, and says why it is not live, while nobody listens', async () => {
    const { ports, [Symbol.asyncDispose]: close } = await startPeer({ key, units: UNITS });
    await close();
    const { stream } = follow(ports);
    await expect.poll(() => stream.status.reason).toContain('ECONNREFUSED');
    expect(stream.status.state).toBe('connecting');
  });

  test('gives a viewer who comes later all since the unit that a decoder can begin with', async () => {
    const { ports } = await peer({ key, units: [KEY_UNIT, ...Array.from({ length: 999 }, () => OTHER_UNIT)] });
    const { stream, units } = follow(ports);
    await expect.poll(() => units.length).toBeGreaterThan(10);
    const late: AccessUnit[] = [];
    stream.join({ onUnit: (unit) => late.push(unit), onStatus: () => undefined })();
    expect(late).toEqual(units);
  });
});

test('a viewer who falls behind misses all until a decoder can begin again', () => {
  const patience = new Patience(100);
  const keyed = { data: KEY_UNIT, isKey: true };
  const other = { data: OTHER_UNIT, isKey: false };
  const asked: [AccessUnit, number][] = [
    [other, 0],
    [keyed, 0],
    [other, 100],
    [other, 101],
    [other, 0],
    [keyed, 101],
    [keyed, 0],
    [other, 0],
  ];
  expect(asked.map(([unit, waiting]) => patience.takes(unit, waiting))).toEqual([
    ...[false, true, true],
    ...[false, false, false],
    ...[true, true],
  ]);
});
