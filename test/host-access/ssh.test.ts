import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { devHostOf } from '../../src/dev-host/dev-host.ts';
import { connectDevHost, targetOf } from '../../src/dev-host/reach.ts';
import type { OpenSsh } from '../../src/host-access/ssh.ts';
import { type LocalSshd, noSshd, startLocalSshd } from '../support/local-sshd.ts';
import { devHost } from '../support/sshd-dev-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

const why = noSshd();
const signal = new AbortController().signal;
let keys: string;
let sshd: LocalSshd;

async function connect(change: Parameters<typeof devHost>[1] = {}): Promise<OpenSsh> {
  const ssh = await connectDevHost(devHost(sshd, change), signal, 20_000);
  onTestFinished(async () => ssh[Symbol.asyncDispose]());
  return ssh;
}

describe('a dev host over ssh', () => {
  beforeEach(async (context) => {
    if (why !== null) context.skip(why);
    const state = tempFolder();
    process.env['ECS_HOST_STATE'] = state;
    onTestFinished(() => {
      delete process.env['ECS_HOST_STATE'];
    });
    keys = join(state, 'dev-hosts');
    await mkdir(keys, { mode: 0o700 });
    sshd = await startLocalSshd(keys);
    onTestFinished(() => sshd.kill());
  });

  test('two terminals have a connection each, and the end of one leaves the other', async () => {
    const [one, other] = await Promise.all([connect(), connect()]);
    await one[Symbol.asyncDispose]();
    expect((await other.run('echo still here')).stdout).toBe('still here\n');
    await other[Symbol.asyncDispose]();
    expect((await readdir(keys)).filter((name) => name.startsWith('ecs-host-ssh-'))).toEqual([]);
  });

  test('what a killed command left beside the key goes with the next connection', async () => {
    await mkdir(join(keys, 'ecs-host-ssh-4194303-abcdef'));
    const ssh = await connect();
    await ssh[Symbol.asyncDispose]();
    expect((await readdir(keys)).filter((name) => name.startsWith('ecs-host-ssh-'))).toEqual([]);
  });

  test('the host key is remembered by the instance, and another one is refused with a way out', async () => {
    await connect();
    expect(await readFile(join(keys, 'known_hosts'), 'utf8')).toMatch(/^i-0123456789abcdef0 ssh-ed25519 /);
    await sshd.restart({ newKey: true });
    await expect(connect()).rejects.toMatchObject({
      code: 'DEV_HOST_KEY_CHANGED',
      hint: expect.stringContaining(`ssh-keygen -f ${join(keys, 'known_hosts')} -R i-0123456789abcdef0`),
    });
    // Another instance at the same address is another host.
    expect((await (await connect({ instanceId: 'i-0fedcba9876543210' })).run('true')).exitCode).toBe(0);
  });

  test('another connection is its own, carries a part of a file, and takes no other host', async () => {
    const ssh = await connect();
    const another = await ssh.another();
    const file = join(keys, 'some-text');
    await writeFile(file, 'abcdefgh');
    await ssh[Symbol.asyncDispose]();
    const inputPart = { path: file, start: 2, end: 5 };
    expect((await another.run('cat', { inputPart })).stdout).toBe('cde');
    await another[Symbol.asyncDispose]();
    const before = await connect();
    await sshd.restart({ newKey: true });
    await expect(before.another()).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: 'i-0123456789abcdef0 shows another host key than before.',
    });
  });

  test('while it is made its host key may still change', async () => {
    await (await connect({ isReady: false }))[Symbol.asyncDispose]();
    await sshd.restart({ newKey: true });
    expect((await (await connect()).run('true')).exitCode).toBe(0);
  });

  test('a key that is not let in is said at once, with what to do', async () => {
    await sshd.restart({ lets: 'nobody in' });
    await expect(connect()).rejects.toMatchObject({
      code: 'DEV_HOST_LOCKED',
      hint: expect.stringMatching(/authorized_keys.*--authorize/),
    });
  });

  test('a connection that ends by itself says so', async () => {
    const ssh = await connect();
    await sshd.kill();
    await ssh.ended;
    await expect(ssh.run('true')).rejects.toMatchObject({ code: 'SSH_LOST' });
  });
});

test('a host that is stopped is not waited for', async () => {
  const host = { ...devHost(null), state: 'stopped' };
  await expect(connectDevHost(host, signal)).rejects.toMatchObject({
    code: 'DEV_HOST_STATE',
    hint: '`ecs-host dev-host start dev` starts it',
  });
});

test('under Session Manager no address is needed', () => {
  const host = devHostOf(
    {
      InstanceId: 'i-1',
      Tags: [
        { Key: 'ecs-host:kind', Value: 'dev-host' },
        { Key: 'ecs-host:dev-host', Value: 'dev' },
      ],
    },
    { apiRegion: 'us-east-2', endpointUrl: null },
  );
  expect(host && targetOf(host)).toMatchObject({ transport: 'session-manager', address: '' });
});
