import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { judgeFrames, type Streamed, streamDevHost } from '../../src/dev-host/stream.ts';
import { reachStream } from '../../src/dev-host/stream-reach.ts';
import { type Shown, showStream } from '../../src/dev-host/stream-show.ts';
import { connectSsh } from '../../src/host-access/ssh.ts';
import type { Message } from '../../src/io/reporter.ts';
import { createContext } from '../../src/run/context.ts';
import { bringWorkload } from '../../src/workload/brought.ts';
import type { Workload } from '../../src/workload/commands.ts';
import { workload } from '../fixtures/workload.ts';
import { noSshd, startLocalSshd } from '../support/local-sshd.ts';
import { NO_SECRETS, shellHost, workloadRepository } from '../support/shell-host.ts';
import { encodeUnits, startPeer } from '../support/stream-peer.ts';
import { tempFolder } from '../support/temp-folder.ts';

const key = randomBytes(16);
const moving = await encodeUnits();
const SMALL = [
  Buffer.from('000000016742c01eff0000000165aa', 'hex'),
  ...Array.from({ length: 29 }, () => Buffer.from('0000000141bb', 'hex')),
];

function context() {
  const messages: Message[] = [];
  const stop = new AbortController();
  const reporter = { emit: (message: Message) => void messages.push(message), close: async () => undefined };
  const ctx = createContext({ runId: 'r-1', reporter, signal: stop.signal });
  const codes = () => messages.flatMap((message) => ('code' in message ? [message.code] : []));
  const titles = () => messages.flatMap((message) => (message.type === 'span-start' ? [message.title] : []));
  return { ctx, stop, messages, codes, titles };
}

function streamed(own: Workload, folder: string): Streamed {
  return { workload: own, bring: () => bringWorkload(own, NO_SECRETS, folder) };
}

/** A host whose container's stream is a peer here; `address` as in `shellHost`. */
async function prepared(address: string, units: readonly Buffer[] = SMALL) {
  const peer = await startPeer({ key, units });
  onTestFinished(async () => peer[Symbol.asyncDispose]());
  const host = await shellHost(address);
  const repository = await workloadRepository(peer.ports, key);
  const own = streamed({ ...workload, repository, ports: { ...peer.ports, streamUdp: 1 } }, host.home);
  return { ...host, peer, own, ...context() };
}

describe('the recipe', () => {
  test('clones, builds, runs, reads the key and reaches the stream, each as a step', async () => {
    const { ctx, ssh, own, home, titles, commands, messages, peer } = await prepared('127.0.0.1');
    const made = await streamDevHost(ctx, ssh, own);
    expect(titles()).toEqual([
      'container images',
      'build the protocol',
      'build the image',
      'run it',
      'reach the stream',
    ]);
    expect(await readFile(join(home, 'built'), 'utf8')).toBe('built the protocol\nbuilt base\n');
    expect(made).toMatchObject({ tree: { isNew: true, isChanged: false }, reached: { via: 'direct' } });
    expect(made.reached).toMatchObject({ host: '127.0.0.1', ports: peer.ports });
    expect(Buffer.from(made.key)).toEqual(key);
    const said = JSON.stringify([commands, messages]).toLowerCase();
    expect(said).not.toContain(key.toString('hex'));
    expect(said).not.toContain(key.toString('base64').toLowerCase());
    expect(peer.seen.rude).toBe(0);
  });

  test('goes through ssh where the ports do not answer from here', async () => {
    const { ctx, ssh, own, peer } = await prepared('');
    const { reached } = await streamDevHost(ctx, ssh, own);
    expect(reached).toMatchObject({ via: 'ssh', host: '127.0.0.1', ports: { streamUdp: null } });
    expect(reached.ports.streamTcp).not.toBe(peer.ports.streamTcp);
  });

  test('goes through ssh where another machine answers at the address', async () => {
    const { ctx, ssh, own, home } = await prepared('127.0.0.1');
    const stranger = await startPeer({ key: randomBytes(16), units: SMALL });
    onTestFinished(async () => stranger[Symbol.asyncDispose]());
    const ports = { ...stranger.ports, streamUdp: 1 };
    const repository = await workloadRepository(ports, key);
    expect((await streamDevHost(ctx, ssh, streamed({ ...own.workload, ports, repository }, home))).reached.via).toBe(
      'ssh',
    );
  });

  test('touches nothing when somebody else has a port', async () => {
    const { ctx, ssh, own, run, home } = await prepared('');
    await run('f'.repeat(64), 'theirs', `0.0.0.0:${own.workload.ports.streamTcp}->1/tcp`);
    await expect(streamDevHost(ctx, ssh, own)).rejects.toMatchObject({ code: 'STREAM_PORTS_TAKEN' });
    await expect(readFile(join(home, 'built'))).rejects.toThrow('ENOENT');
  });

  test('keeps the work of the developer, and builds it', async () => {
    const { ctx, ssh, own, home } = await prepared('127.0.0.1');
    await streamDevHost(ctx, ssh, own);
    const script = join(home, 'container-images', 'build_protocol.sh');
    const mine = '#!/bin/sh\necho "built mine" >>"$HOME/built"\n';
    await writeFile(script, mine);
    expect((await streamDevHost(ctx, ssh, own)).tree).toMatchObject({ isNew: false, isChanged: true });
    expect(await readFile(script, 'utf8')).toBe(mine);
    expect(await readFile(join(home, 'built'), 'utf8')).toMatch(/built mine\nbuilt base\n$/);
  });

  test('says which step failed, and what it said last', async () => {
    const { ctx, ssh, own, home } = await prepared('127.0.0.1');
    await mkdir(join(home, 'container-images'));
    const script = join(home, 'container-images', 'build_protocol.sh');
    await writeFile(script, '#!/bin/sh\necho "x264.h: no such file" >&2\nexit 2\n', { mode: 0o755 });
    await expect(streamDevHost(ctx, ssh, own)).rejects.toMatchObject({
      code: 'WORKLOAD_FAILED',
      message: 'build the protocol ended with exit code 2',
      output: 'x264.h: no such file',
    });
  });

  test('that is interrupted says that what was built stays', async () => {
    const { ctx, ssh, own, stop } = await prepared('127.0.0.1');
    const inner = ssh.run.bind(ssh);
    const interrupting = {
      ...ssh,
      run: async (...args: Parameters<typeof inner>) => {
        stop.abort(new Error('stop'));
        throw new Error(`not done: ${args[0]}`);
      },
    };
    await expect(streamDevHost(ctx, interrupting, own)).rejects.toMatchObject({
      kind: 'interrupted',
      code: 'STREAM_INTERRUPTED',
    });
  });
});

describe('through a real ssh', () => {
  test('the stream is met, and lost with the connection', async (context) => {
    const why = noSshd();
    if (why !== null) return context.skip(why);
    const sshd = await startLocalSshd(tempFolder());
    onTestFinished(() => sshd.kill());
    const { ctx, own, codes, peer } = await prepared('');
    await using ssh = await connectSsh(sshd.target, { timeoutMs: 20_000, signal: ctx.signal });
    const reached = await reachStream(ssh, own.workload.ports, key, ctx.signal);
    expect(reached.via).toBe('ssh');
    const shown = showStream({
      source: { ...reached, key },
      ...{ ctx, title: 'sandbox', opens: false, ended: ssh.ended, onShown: () => undefined },
    });
    shown.catch(() => undefined);
    await expect.poll(codes).toEqual(['STREAM_BACK']);
    peer.drop();
    await expect.poll(codes).toEqual(['STREAM_BACK', 'STREAM_LOST', 'STREAM_BACK']);
    await sshd.kill();
    await expect(shown).rejects.toMatchObject({ code: 'SSH_LOST' });
  });
});

describe('frames that are judged', () => {
  beforeEach((context) => {
    if (moving === null) context.skip('no ffmpeg with libx264 here (run `make setup`)');
  });

  async function judged(units: readonly Buffer[] | null) {
    const { ctx, ssh, own } = await prepared('127.0.0.1', units ?? []);
    return judgeFrames(await streamDevHost(ctx, ssh, own), 30, ctx.signal);
  }

  test('say what they show in one line', async () => {
    expect((await judged(moving)).line).toMatch(
      /^30 frames of h264 320x180 directly, the first after \d+ ms; 0 black, \d+ changed$/,
    );
  });

  test.each([
    ['black', 'color=black:size=320x180:rate=30'],
    ['still', 'smptebars=size=320x180:rate=30'],
  ])('%s are not a stream as it should be', async (_what, source) => {
    await expect(judged(await encodeUnits(source))).rejects.toMatchObject({ code: 'STREAM_BAD', kind: 'outside' });
  });

  test('that do not come are an error, not a bug', async () => {
    const { ctx, ssh, own, peer } = await prepared('127.0.0.1');
    const made = await streamDevHost(ctx, ssh, own);
    await peer[Symbol.asyncDispose]();
    await expect(judgeFrames(made, 1, ctx.signal)).rejects.toMatchObject({ code: 'STREAM_BAD' });
  });
});

describe('the stream that is shown', () => {
  async function showing(more: { opens?: boolean; ended?: Promise<string> } = {}) {
    const { ctx, ssh, own, peer, stop, codes } = await prepared('127.0.0.1');
    const { reached, key: itsKey } = await streamDevHost(ctx, ssh, own);
    const shown: Shown[] = [];
    const done = showStream({
      source: { ...reached, key: itsKey },
      ...{ ctx, title: 'sandbox', opens: false, ended: null, onShown: (how: Shown) => shown.push(how), ...more },
    }).then(
      () => 'over',
      (error: { code: string }) => error.code,
    );
    onTestFinished(async () => {
      stop.abort();
      await done;
    });
    return { shown, done, stop, peer, codes };
  }

  async function program(name: string, script: string): Promise<string> {
    const folder = tempFolder();
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
    vi.stubEnv('DISPLAY', ':99');
    onTestFinished(() => void vi.unstubAllEnvs());
    return folder;
  }

  test('is served as a page until it is stopped, and nothing is opened where that is not wanted', async () => {
    const folder = await program('ffplay', `touch "$(dirname "$0")/ran"`);
    const { shown, stop, done } = await showing();
    await expect.poll(() => shown).toHaveLength(1);
    const [page] = shown as [Extract<Shown, { by: 'page' }>];
    expect(page).toMatchObject({ by: 'page', isOpened: false });
    expect(await (await fetch(page.address)).text()).toContain('sandbox');
    stop.abort();
    expect(await done).toBe('over');
    await expect(fetch(page.address)).rejects.toThrow();
    await expect(readFile(join(folder, 'ran'))).rejects.toThrow('ENOENT');
  });

  test('is over when the user closes the player', async () => {
    const folder = await program('mpv', 'head -c 12 >/dev/null');
    const { shown, done } = await showing({ opens: true });
    expect(await done).toBe('over');
    expect(shown).toEqual([{ by: 'player', player: join(folder, 'mpv') }]);
  });

  test('comes in a page when the player fails, and the browser is not told the lasting address', async () => {
    const folder = await program('mpv', 'echo no window >&2; exit 1');
    await writeFile(join(folder, 'xdg-open'), `#!/bin/sh\necho "$1" >"${folder}/opened"\n`, { mode: 0o755 });
    const { shown, codes } = await showing({ opens: true });
    await expect.poll(() => shown.map(({ by }) => by)).toEqual(['player', 'page']);
    expect(codes()).toContain('STREAM_PLAYER');
    const { address, isOpened } = shown[1] as Extract<Shown, { by: 'page' }>;
    expect(isOpened).toBe(true);
    const opened = await vi.waitFor(() => readFile(join(folder, 'opened'), 'utf8'), 10_000);
    expect(opened).toContain('/open/');
    expect(opened).not.toContain(new URL(address).pathname);
    expect((await fetch(opened.trim())).url).toBe(address);
  });

  test('is said to be lost, and to be back', async () => {
    const { peer, codes } = await showing();
    await expect.poll(codes).toEqual(['STREAM_BACK']);
    peer.drop();
    await expect.poll(codes).toEqual(['STREAM_BACK', 'STREAM_LOST', 'STREAM_BACK']);
  });

  test('ends with the connection that it comes over', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const { done, shown } = await showing({ ended: promise });
    await expect.poll(() => shown).toHaveLength(1);
    resolve('Connection closed by remote host');
    expect(await done).toBe('SSH_LOST');
  });

  test('ends when a container with another key takes its place', async () => {
    const { done, peer, codes } = await showing();
    await expect.poll(codes).toEqual(['STREAM_BACK']);
    await peer[Symbol.asyncDispose]();
    const other = await startPeer({ key: randomBytes(16), units: SMALL }, peer.ports);
    onTestFinished(async () => other[Symbol.asyncDispose]());
    expect(await done).toBe('STREAM_STRANGER');
  });
});
