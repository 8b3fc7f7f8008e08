/**
 * A private repository, with nothing pretended: the lab's own git server that asks for a token, a real sshd that lets
 * git in by a deploy key, a real shell and the real git.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { publishFolder } from '../../lab/git/publish.ts';
import { createGitListener } from '../../lab/git/serve.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { bringStep } from '../../src/workload/brought.ts';
import type { Repository } from '../../src/workload/commands.ts';
import { lookAtRepository } from '../../src/workload/look.ts';
import { openedCommand, openingInput } from '../../src/workload/opened.ts';
import { noSshd, startLocalSshd } from '../support/local-sshd.ts';
import { shellHost } from '../support/shell-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

type Credential = NonNullable<NonNullable<BuildPlan['developerWorkload']['repository']>['credential']>;

const TOKEN = 'ghp_never-to-be-seen-5c1f9a';

function token(hostKeys: readonly string[] = []): Credential {
  return { kind: 'token', store: 'secrets-manager', name: 'a/b', user: 'x-access-token', hostKeys };
}

/** Folders in memory that hold this file's token: other tests may have theirs at the same moment. */
function leftInMemory(): string[] {
  return readdirSync('/dev/shm').filter((name) => {
    if (!name.startsWith('ecs-host-git.')) return false;
    try {
      return readFileSync(join('/dev/shm', name, 'secret'), 'utf8').includes(TOKEN);
    } catch {
      return false;
    }
  });
}

/** Every process of the machine, by what anybody (`ps`) and root sees of it. */
function shownByProcesses(secret: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => ['cmdline', 'environ'].map((file) => join('/proc', pid, file)))
    .filter((file) => {
      try {
        return readFileSync(file, 'latin1').includes(secret);
      } catch {
        return false;
      }
    });
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/git`;
}

/** container-images with protocol as its submodule, both bare. @returns the folder of both */
async function published(): Promise<string> {
  const folder = tempFolder();
  await mkdir(join(folder, 'protocol'));
  await mkdir(join(folder, 'images'));
  await writeFile(join(folder, 'protocol', 'main.c'), 'int main(void) { return 0; }\n');
  await writeFile(join(folder, 'images', 'build_protocol.sh'), '#!/bin/sh\n', { mode: 0o755 });
  const commit = await publishFolder({ source: join(folder, 'protocol'), target: join(folder, 'git', 'protocol.git') });
  const target = join(folder, 'git', 'container-images.git');
  const submodules = [{ path: 'base/protocol', url: '../protocol.git', commit }];
  await publishFolder({ source: join(folder, 'images'), target, submodules });
  await execa('git', ['-C', target, 'tag', 'v1']);
  await execa('git', ['-C', target, 'update-server-info']);
  return join(folder, 'git');
}

async function withTokens(): Promise<{ repository: Repository; asked: string[]; shown: string[] }> {
  const folder = await published();
  for (const name of ['container-images.git', 'protocol.git'])
    await writeFile(join(folder, name, 'ecs-host-lab-token'), `${TOKEN}\n`);
  const asked: string[] = [];
  const shown: string[] = [];
  const serve = createGitListener(folder);
  const base = await listen((incoming, outgoing) => {
    asked.push(incoming.url ?? '');
    // What processes show is looked at while git runs.
    if (asked.length < 4) shown.push(...shownByProcesses(TOKEN));
    serve(incoming, outgoing);
  });
  const repository = { url: `${base}/container-images.git`, ref: 'main', submoduleRefs: {}, credential: token() };
  return { repository, asked, shown };
}

async function cloned(repository: Repository, secret: string | null) {
  const host = await shellHost();
  const { command, ...input } = bringStep({ kind: 'cloned', repository, secret });
  const result = await host.ssh.run(command, input);
  return { ...host, ...result, command, folder: join(host.home, 'container-images') };
}

/** Of another server. */
const OTHER_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

describe('a token', () => {
  test('opens the repository and its submodule, and is nowhere during the clone or after it', async () => {
    const { repository, asked, shown } = await withTokens();
    const { exitCode, command, folder, home, stdout, stderr } = await cloned(repository, TOKEN);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await readFile(join(folder, 'base', 'protocol', 'main.c'), 'utf8')).toContain('int main');
    expect(shown).toEqual([]);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.join() + command + stdout).not.toContain(TOKEN);
    const { stdout: found } = await execa('grep', ['-rlF', TOKEN, home], { reject: false });
    expect(found).toBe('');
    const { stdout: config } = await execa('git', ['-C', folder, 'config', '--list', '--local']);
    expect(config).not.toMatch(/credential|sshcommand|askpass/i);
    expect(leftInMemory()).toEqual([]);
  });

  test('that is wrong, or none, opens nothing and leaves nothing', async () => {
    const { repository } = await withTokens();
    for (const attempt of [
      await cloned(repository, 'wrong'),
      await cloned({ ...repository, credential: null }, null),
    ]) {
      expect(attempt.exitCode).not.toBe(0);
      expect(existsSync(join(attempt.folder, '.git'))).toBe(false);
    }
    expect(leftInMemory()).toEqual([]);
  });

  test('is shown to no other server', async () => {
    const { repository } = await withTokens();
    const shown: unknown[] = [];
    const other = await listen((incoming, outgoing) => {
      shown.push(incoming.headers.authorization);
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const command = openedCommand(repository, `git ls-remote ${other}/theirs.git`);
    const { exitCode } = await execa('sh', ['-c', command], {
      ...{ input: openingInput(repository, TOKEN) ?? '', reject: false, env: { GIT_ASKPASS: 'true' } },
    });
    expect(exitCode).not.toBe(0);
    expect(shown.length).toBeGreaterThan(0);
    expect(JSON.stringify(shown)).not.toContain(Buffer.from(`x-access-token:${TOKEN}`).toString('base64'));
  });

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('is gone from memory after %s', async (signal) => {
    const { repository } = await withTokens();
    const child = spawn('sh', ['-c', openedCommand(repository, 'echo open && sleep 30')], { detached: true });
    child.stdin.end(openingInput(repository, TOKEN));
    await once(child.stdout, 'data');
    expect(leftInMemory()).toHaveLength(1);
    process.kill(-(child.pid as number), signal);
    await once(child, 'close');
    expect(leftInMemory()).toEqual([]);
  });
});

describe('a look at the repository', () => {
  test('tells branch, tag, a name that is not there, and a commit that no server lists', async () => {
    const { repository } = await withTokens();
    const look = (ref: string, secret = TOKEN) => lookAtRepository({ repository: { ...repository, ref } }, secret);
    expect(await look('main')).toEqual({ outcome: 'found', as: 'branch' });
    expect(await look('v1')).toEqual({ outcome: 'found', as: 'tag' });
    expect(await look('mian')).toEqual({ outcome: 'ref-missing', ref: 'mian' });
    expect(await look('a'.repeat(40))).toEqual({ outcome: 'unseen' });
    expect(await look('main', 'wrong')).toMatchObject({
      outcome: 'unreachable',
      reason: expect.stringMatching(/token|Auth/),
    });
    expect(await lookAtRepository({ repository: null }, null)).toEqual({ outcome: 'carried' });
    expect(leftInMemory()).toEqual([]);
  });

  test('has nothing of what opens repositories for whoever runs it', async () => {
    const { repository } = await withTokens();
    const home = tempFolder();
    const helper = `!f() { echo username=me; echo password=${TOKEN}; }; f`;
    await execa('git', ['config', '--file', join(home, '.gitconfig'), 'credential.helper', helper]);
    vi.stubEnv('HOME', home);
    vi.stubEnv('GIT_CONFIG_GLOBAL', join(home, '.gitconfig'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const open = { ...repository, credential: null };
    expect(await lookAtRepository({ repository: open }, null)).toMatchObject({ outcome: 'unreachable' });
  });

  test('does not wait for a server that says nothing, and leaves nothing', async () => {
    const server = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
    const repository = { url, ref: 'main', submoduleRefs: {}, credential: token() };
    const reason = 'no answer within 0.5 s';
    expect(await lookAtRepository({ repository }, TOKEN, 500)).toEqual({ outcome: 'unreachable', reason });
    expect(leftInMemory()).toEqual([]);
  });
});

describe('a deploy key', () => {
  beforeEach((context) => {
    const why = noSshd();
    if (why !== null) context.skip(why);
  });

  async function withKey() {
    const folder = await published();
    const ssh = tempFolder();
    const { target, kill } = await startLocalSshd(ssh);
    onTestFinished(kill);
    // As a git server does: this key runs git and nothing else.
    const allowed = join(ssh, 'authorized_keys');
    const shell = `restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" `;
    await writeFile(allowed, `${shell}${await readFile(allowed, 'utf8')}`);
    const [kind, body] = (await readFile(join(ssh, 'host_key.pub'), 'utf8')).split(' ');
    const hostKeys = [`${target.address} ${kind} ${body}`];
    const url = `ssh://${target.user}@${target.address}${folder}/container-images.git`;
    const credential: Credential = { ...token(hostKeys), kind: 'deploy-key' };
    const repository: Repository = { url, ref: 'main', submoduleRefs: {}, credential };
    return { repository, key: await readFile(target.keyFile, 'utf8') };
  }

  test('opens the repository and its submodule, and nothing of it stays', async () => {
    const { repository, key } = await withKey();
    const { exitCode, stderr, folder, home, command } = await cloned(repository, key);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await readFile(join(folder, 'base', 'protocol', 'main.c'), 'utf8')).toContain('int main');
    const line = key.split('\n')[2] ?? '';
    const { stdout: found } = await execa('grep', ['-rlF', line, home], { reject: false });
    expect(found + (command.includes(line) ? command : '')).toBe('');
    expect(existsSync(join(home, '.ssh'))).toBe(false);
    expect(leftInMemory()).toEqual([]);
    expect(await lookAtRepository({ repository }, key)).toEqual({ outcome: 'found', as: 'branch' });
  });

  test('is not shown to a server with another host key', async () => {
    const { repository, key } = await withKey();
    const hostKeys = [`${new URL(repository.url).hostname} ${OTHER_KEY}`];
    const strange = { ...repository, credential: { ...(repository.credential as Credential), hostKeys } };
    expect((await cloned(strange, key)).stderr).toContain('verification failed');
    expect(await lookAtRepository({ repository: strange }, key)).toMatchObject({ outcome: 'unreachable' });
  });
});
