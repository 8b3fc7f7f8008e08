import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { type LocalSshd, noSshd, startLocalSshd } from '../support/local-sshd.ts';
import { devHost } from '../support/sshd-dev-host.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { Terminal } from '../support/terminal.ts';

const why = noSshd();
let folder: string;
let sshd: LocalSshd;

beforeEach(async (context) => {
  if (why !== null) context.skip(why);
  folder = tempFolder();
  await mkdir(join(folder, 'dev-hosts'), { mode: 0o700 });
  sshd = await startLocalSshd(join(folder, 'dev-hosts'));
  onTestFinished(() => sshd.kill());
});

function line(words: readonly string[]): string[] {
  const program = join(projectFolder(), 'test', 'support', 'hand-over-program.ts');
  return [process.execPath, program, JSON.stringify(devHost(sshd)), ...words];
}

function environment(): Record<string, string | undefined> {
  return { ...process.env, ECS_HOST_STATE: folder };
}

function run(words: readonly string[], input = '') {
  const [node = '', ...rest] = line(words);
  return execa(node, rest, { env: environment(), extendEnv: false, reject: false, input, stripFinalNewline: false });
}

function inTerminal(words: readonly string[]): Terminal {
  return new Terminal(line(words), environment());
}

test('arguments arrive as they are', async () => {
  const odd = ['', 'a b', `it's "quoted"`, 'two\nlines', '$HOME `id` \\', '-n', '*', 'ü€', '~'];
  const { stdout, exitCode } = await run(['printf', '<%s>\\n', ...odd]);
  expect(stdout).toBe(odd.map((each) => `<${each}>\n`).join(''));
  expect(exitCode).toBe(0);
});

test('one word is a line for a shell', async () => {
  const { stdout, exitCode } = await run(['cd / && pwd; exit 4']);
  expect([stdout, exitCode]).toEqual(['/\n', 4]);
});

test('pipes are handed on byte by byte, and the outputs are kept apart', async () => {
  const { stdout, stderr, exitCode } = await run(['sh', '-c', 'cat; echo to stderr >&2; exit 7'], 'in\0put\n');
  expect([stdout, stderr, exitCode]).toEqual(['in\0put\n', 'to stderr\n', 7]);
});

test('its own 255 is not a broken connection, and a signal there is 128 and its number', async () => {
  expect((await run(['sh', '-c', 'exit 255'])).exitCode).toBe(255);
  expect((await run(['sh', '-c', 'kill -TERM $$'])).exitCode).toBe(143);
});

test('a connection that breaks is an error of ours, not an exit code of the command', async () => {
  const mark = join(folder, 'begun');
  const running = run(['sh', '-c', `touch ${mark}; sleep 60`]);
  await expect
    .poll(() =>
      readFile(mark).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await sshd.kill();
  const { exitCode, stderr } = await running;
  expect(exitCode).toBe(3);
  expect(stderr).toMatch(/SSH_LOST\n$/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('without a terminal %s ends the command there', async (signal) => {
  const ended = join(folder, 'ended');
  const begun = join(folder, 'begun');
  const script = join(folder, 'long.sh');
  await writeFile(
    script,
    `trap 'echo by signal >${ended}; exit' INT TERM\ntouch ${begun}\nwhile :; do sleep 0.1; done\n`,
  );
  const running = run(['sh', script]);
  await expect
    .poll(() =>
      readFile(begun).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  running.kill(signal);
  expect((await running).exitCode).toBe(signal === 'SIGINT' ? 130 : 143);
  await expect.poll(() => readFile(ended, 'utf8').catch(() => '')).toBe('by signal\n');
});

test('with a terminal there is one there, of the same size, also when that changes', async () => {
  const terminal = inTerminal(['sh', '-c', `stty size; trap 'stty size' WINCH; while :; do sleep 0.1; done`]);
  await terminal.untilShown(/\d+ \d+/);
  terminal.resize(33, 77);
  await terminal.untilShown(/33 77/);
  terminal.type('\u0003');
  expect(await terminal.ended()).toBe(130);
});

test('with a terminal Ctrl-C goes to the command, which may go on', async () => {
  const terminal = inTerminal(['sh', '-c', `trap 'echo caught' INT; echo waiting; sleep 60; echo went on; exit 5`]);
  await terminal.untilShown(/waiting/);
  terminal.type('\u0003');
  await terminal.untilShown(/caught\s+went on/);
  expect(await terminal.ended()).toBe(5);
});

test('a shell is a login shell at a prompt, and ends with its own exit code', async () => {
  const terminal = inTerminal([]);
  terminal.type('echo "terminal: $TERM"; test -t 0 && echo is-a-"tty"; exit 9\n');
  await terminal.untilShown(/is-a-tty/);
  expect(await terminal.ended()).toBe(9);
});
