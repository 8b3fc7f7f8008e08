import { randomBytes } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { judgeStream } from '../../src/smoke/checks/stream-checks.ts';
import { isBlack, isDifferent } from '../../src/stream/picture.ts';
import { receiveStream } from '../../src/stream/stream-client.ts';
import { FrameReader, isHello, makeHello, WireError } from '../../src/stream/wire.ts';
import { frame as frameOf } from '../support/stream-peer.ts';
import { sharedTempFolder, tempFolder } from '../support/temp-folder.ts';

const key = randomBytes(16);
const PORTS = { discoveryTcp: 32262, streamUdp: 32263, streamTcp: 32273 };

function frame(sequence: bigint, payload: string): Buffer {
  return frameOf(key, sequence, payload);
}

describe('the wire', () => {
  test('a hello proves the key, and only that key', () => {
    expect(isHello(key, makeHello(key))).toBe(true);
    expect(isHello(key, makeHello(randomBytes(16)))).toBe(false);
    expect(isHello(key, makeHello(key).subarray(1))).toBe(false);
  });
  test('frames come out whole however the bytes arrive', () => {
    const bytes = Buffer.concat([makeHello(key), frame(0n, 'first'), frame(1n, 'second')]);
    const reader = new FrameReader(key);
    const payloads = [...bytes].flatMap((byte) => reader.push(Buffer.from([byte])));
    expect(payloads.map(String)).toEqual(['first', 'second']);
  });
  test.each<[string, () => Buffer]>([
    ['a stranger', () => makeHello(randomBytes(16))],
    ['a gap', () => Buffer.concat([makeHello(key), frame(0n, 'a'), frame(2n, 'b')])],
    ['a repeat', () => Buffer.concat([makeHello(key), frame(0n, 'a'), frame(0n, 'a')])],
    [
      'a changed byte',
      () => {
        const bytes = Buffer.concat([makeHello(key), frame(0n, 'a')]);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return bytes;
      },
    ],
    ['a huge length', () => Buffer.concat([makeHello(key), Buffer.from([0xff, 0xff, 0xff, 0xff])])],
  ])('%s is an error', (_what, bytes) => {
    expect(() => new FrameReader(key).push(bytes())).toThrow(WireError);
  });
});

test('pictures are black when they are dark or flat, and differ when they move', () => {
  const picture = Uint8Array.from({ length: 1000 }, (_, at) => (at * 7) % 200);
  expect(isBlack(picture)).toBe(false);
  expect(isBlack(new Uint8Array(1000).fill(16))).toBe(true);
  expect(isBlack(new Uint8Array(1000).fill(180))).toBe(true);
  expect(isDifferent(picture, picture)).toBe(false);
  expect(isDifferent(picture, picture.toReversed())).toBe(true);
});

async function serverOf(name: string, change: (pattern: string) => string): Promise<string> {
  const folder = join(work, name);
  await cp(join(projectFolder(), 'examples', 'container-images', 'base', 'protocol'), folder, { recursive: true });
  const pattern = join(folder, 'src', 'pattern.c');
  await writeFile(pattern, change(await readFile(pattern, 'utf8')));
  await execa('make', ['-C', folder]);
  return join(folder, 'build', 'protocol-server');
}

const work = sharedTempFolder();

/**
 * The real server wants a C compiler and two libraries, which the lab's machines bring themselves; this machine may
 * lack them.
 */
const canBuild =
  (await execa('sh', ['-c', 'cc --version && make --version && pkg-config --exists x264 libcrypto'], { reject: false }))
    .exitCode === 0;

async function watch(server: string, clientKey: Uint8Array = key) {
  const folder = tempFolder();
  await writeFile(join(folder, 'key'), key, { mode: 0o600 });
  const running = execa(server, [folder], { reject: false, stdout: 'pipe' });
  try {
    // It must not serve before the host service has said so.
    const early = await receiveStream({
      host: '127.0.0.1',
      ports: PORTS,
      key,
      frames: 1,
      timeoutMs: 500,
      signal: AbortSignal.timeout(2000),
    }).catch((error: Error) => error);
    expect(early).toBeInstanceOf(Error);
    const serves = new Promise((resolve) => running.stdout.once('data', resolve));
    await writeFile(join(folder, '.ready'), '');
    await serves;
    return await receiveStream({
      host: '127.0.0.1',
      ports: PORTS,
      key: clientKey,
      frames: 60,
      timeoutMs: 20_000,
      signal: new AbortController().signal,
    });
  } finally {
    running.kill('SIGTERM');
    await running;
  }
}

describe('against the real server', () => {
  test.for<[string, (pattern: string) => string, Record<string, boolean>]>([
    [
      'a moving picture passes',
      (text) => text,
      { 'stream.frames': true, 'stream.not-black': true, 'stream.changes': true },
    ],
    [
      'black is seen',
      (text) =>
        text
          .replace(/return \(uint8_t\)\(LUMA_BLACK \+[^;]*;/, 'return LUMA_BLACK;')
          .replace('return 235;', 'return LUMA_BLACK;'),
      { 'stream.frames': true, 'stream.not-black': false, 'stream.changes': false },
    ],
    [
      'a still picture is seen',
      (text) => text.replaceAll('(number * 6)', '(0 * number)').replaceAll('(int)(number * 4)', '0'),
      { 'stream.frames': true, 'stream.not-black': true, 'stream.changes': false },
    ],
  ])('%s', async ([name, change, expected], context) => {
    if (!canBuild) return context.skip('no C compiler with libx264 and libcrypto here (libx264-dev, libssl-dev)');
    const judged = judgeStream(await watch(await serverOf(name.replaceAll(' ', '-'), change)));
    expect(
      Object.fromEntries(Object.entries(judged).map(([id, { isCorrect }]) => [id, isCorrect])),
      JSON.stringify(judged),
    ).toEqual(expected);
  });

  test('a client without the key gets nothing', async (context) => {
    if (!canBuild) return context.skip('no C compiler with libx264 and libcrypto here (libx264-dev, libssl-dev)');
    await expect(watch(await serverOf('stranger', (text) => text), randomBytes(16))).rejects.toThrow(
      'the peer has not the key',
    );
  });
});

test('a peer that accepts and stays silent ends by the limit', async () => {
  const silent = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const request = {
    host: '127.0.0.1',
    ports: { discoveryTcp: port, streamUdp: port, streamTcp: port },
    key,
    frames: 1,
    timeoutMs: 300,
    signal: new AbortController().signal,
  };
  await expect(receiveStream(request)).rejects.toThrow('said nothing');
  silent.close();
});
