import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Terminal } from '../support/terminal.ts';
import { cli, ECS_HOST, start, testEnvironment } from './support.ts';

/** A dev host that is up, and the environment in which the command line reaches it. */
export type HostToReach = { readonly name: string; readonly environment: Record<string, string> };

/** How a dev host is worked on: by the command as its users have it, on a real machine. */
export function describeAccess(getHost: () => HostToReach): void {
  let folder: string;

  function devHost(verb: string, ...words: readonly string[]) {
    return cli(['dev-host', verb, getHost().name, ...words], getHost().environment);
  }

  function inTerminal(verb: string, ...words: readonly string[]): Terminal {
    const { name, environment } = getHost();
    return new Terminal([ECS_HOST, 'dev-host', verb, name, ...words], {
      ...testEnvironment(environment),
      TERM: 'xterm',
    });
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dev-host-access-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describe('reached', () => {
    test('a command gets its arguments as they are, and its exit code comes back', async () => {
      const odd = ['a b', 'two\nlines', "it's", '$HOME', '--help', ''];
      const { stdout, exitCode } = await devHost('exec', '--', 'printf', '<%s>', ...odd);
      expect([stdout, exitCode]).toEqual([odd.map((each) => `<${each}>`).join(''), 0]);
      expect((await devHost('exec', '--', 'exit 7')).exitCode).toBe(7);
      expect((await devHost('exec', '--', 'exit 255')).exitCode).toBe(255);
      expect((await devHost('exec')).exitCode).toBe(2);
    });

    test('stdout is the command’s alone, also in a pipe', async () => {
      const { name, environment } = getHost();
      const { stdout } = await execa(ECS_HOST, ['dev-host', 'exec', name, '--', 'wc', '-c'], {
        env: testEnvironment(environment),
        extendEnv: false,
        input: 'x'.repeat(1_000_000),
      });
      expect(stdout).toBe('1000000');
    });

    test('a shell opens in the repository, in a terminal that resizes; Ctrl-C ends what runs, not the shell', async () => {
      const shell = inTerminal('connect');
      shell.type('pwd; tty\n');
      await shell.untilShown(/\/container-images\s[\s\S]*\/dev\/pts\//);
      shell.resize(41, 99);
      shell.type('sleep 1; stty size\n');
      await shell.untilShown(/\s41 99\s/);
      shell.type('sleep 600\n');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      shell.type('\u0003');
      shell.type('echo "still $((40 + 2))"\n');
      await shell.untilShown(/still 42/);
      shell.type('exit 3\n');
      expect(await shell.ended()).toBe(3);
    });

    test('without a terminal there is no shell, and it is said what to do', async () => {
      const { exitCode, stderr } = await devHost('connect');
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('exec')]);
    });

    test('Ctrl-C ends a command there, also without a terminal', async () => {
      const { name, environment } = getHost();
      const running = start(['dev-host', 'exec', name, '--', 'echo begun; sleep 4242'], environment);
      await new Promise<void>((resolve) => running.stdout.on('data', () => resolve()));
      running.kill('SIGINT');
      expect((await running).exitCode).toBe(130);
      expect((await devHost('exec', '--', 'pgrep -fx "sleep 4242" || echo none')).stdout).toBe('none');
    });
  });

  test('a port is forwarded until Ctrl-C', async () => {
    const { name, environment } = getHost();
    const server = start(
      ['dev-host', 'exec', name, '--', 'cd /etc && exec python3 -m http.server --bind 127.0.0.1 8765'],
      environment,
    );
    const running = start(['dev-host', 'forward', name, '18765:8765'], environment);
    let shown = '';
    running.stdout.on('data', (text) => {
      shown += String(text);
    });
    await expect.poll(() => shown, { timeout: 60_000 }).toContain('127.0.0.1:18765 leads to port 8765');
    const ask = (): Promise<string> =>
      fetch('http://127.0.0.1:18765/hostname').then(
        (answer) => answer.text(),
        () => '',
      );
    await expect.poll(ask, { timeout: 30_000 }).not.toBe('');
    const taken = await devHost('forward', '18765:8765');
    expect([taken.exitCode, taken.stderr]).toEqual([2, expect.stringContaining('Port 18765')]);
    running.kill('SIGINT');
    expect((await running).exitCode).toBe(0);
    server.kill('SIGINT');
    await server;
  });

  describe('synced', () => {
    async function there(line: string): Promise<string> {
      return (await devHost('exec', '--', line)).stdout;
    }

    test('a working tree goes both ways, without what git ignores, and conflicts are left alone', async () => {
      const work = join(folder, 'work');
      await mkdir(join(work, 'build'), { recursive: true });
      await execa('git', ['init', '-q', work]);
      await writeFile(join(work, '.gitignore'), 'build/\n');
      await writeFile(join(work, 'build', 'out'), 'built here');
      await writeFile(join(work, 'a b'), 'one\n');
      const first = await devHost('sync', `${work}/`);
      expect([first.exitCode, first.stdout], first.all).toEqual([0, '-> .gitignore\n-> a b\n2 to there']);
      await there("cd work && mkdir build && echo x >build/out && echo two >'a b' && echo new >made");
      const second = await devHost('sync', `${work}/`);
      expect([second.exitCode, second.stdout], second.all).toEqual([0, '<- a b\n<- made\n2 from there']);
      expect(await readFile(join(work, 'build', 'out'), 'utf8')).toBe('built here');
      await writeFile(join(work, 'made'), 'mine\n');
      await there('echo theirs >work/made');
      const third = await devHost('sync', `${work}/`);
      expect([third.exitCode, third.stderr], third.all).toEqual([2, expect.stringContaining('made')]);
      expect(await there('cat work/made')).toBe('theirs');
      const fourth = await devHost('sync', `${work}/`, '--prefer', 'here');
      expect(fourth.exitCode, fourth.all).toBe(0);
      expect(await there('cat work/made; ls -A work')).toBe('mine\n.gitignore\na b\nbuild\nmade');
    });

    test('--watch carries what changes, on either side, until Ctrl-C', async () => {
      const { name, environment } = getHost();
      const work = join(folder, 'watched');
      await mkdir(work);
      await writeFile(join(work, 'a'), '1');
      const running = start(['dev-host', 'sync', name, `${work}/`, '--watch'], environment);
      await expect.poll(() => there('cat watched/a'), { timeout: 60_000 }).toBe('1');
      await writeFile(join(work, 'a'), '2');
      await expect.poll(() => there('cat watched/a'), { timeout: 30_000 }).toBe('2');
      await there('echo 3 >watched/b; rm watched/a');
      await expect.poll(() => readFile(join(work, 'b'), 'utf8').catch(() => ''), { timeout: 30_000 }).toBe('3\n');
      running.kill('SIGINT');
      const { exitCode, stdout } = await running;
      expect(exitCode).toBe(0);
      expect(stdout).toContain('1 from there, 1 deleted here');
    });
  });

  test('ssh itself reaches it by the block that is printed', async () => {
    const { exitCode, stdout, all } = await devHost('ssh-config');
    expect(exitCode, all).toBe(0);
    const file = join(folder, 'ssh_config');
    await writeFile(file, `${stdout}\n`);
    const { stdout: user } = await execa('ssh', ['-F', file, `ecs-host-${getHost().name}`, 'whoami'], {
      stdin: 'ignore',
    });
    expect(user).toMatch(/^(admin|ubuntu)$/);
    const home = join(folder, 'home');
    const installed = await cli(['dev-host', 'ssh-config', '--install', '--yes'], {
      ...getHost().environment,
      HOME: home,
    });
    expect(installed.exitCode, installed.all).toBe(0);
    expect(await readFile(join(home, '.ssh', 'config'), 'utf8')).toBe(`Include ${home}/.ssh/ecs-host.config\n\n`);
  });
}
