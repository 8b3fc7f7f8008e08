import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, type TestContext, test } from 'vitest';
import { candidates } from '../../src/cli/completion/candidates.ts';
import { SHELLS, type Shell, SUPPORT, shellOf } from '../../src/cli/completion/shells.ts';
import { commands } from '../../src/cli/table.ts';
import { leaves } from '../../src/cli/verb-module.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);
const verbs = commands(() => {});

/** @param typed the line behind `ecs-host`; the cursor is at its end */
async function completed(typed: string): Promise<string[]> {
  const known = async (name: string, config: string | null): Promise<string[]> =>
    name === 'region' ? ['local', 'us-east-2', '$(reboot)', config ?? 'no-file'] : [];
  return (await candidates(typed.split(' '), verbs, known)).map(({ value }) => value);
}

describe('what may stand at the cursor', () => {
  test.each([
    ['', ['ami', 'image', 'webserver', 'completion', 'help']],
    ['i', ['image']],
    ['image ', ['list', 'show', 'delete']],
    ['image s', ['show']],
    ['help im', ['image']],
    ['help image ', ['list', 'show', 'delete']],
    ['plan ', ['--region', '--out', '--help']],
    ['plan --re', ['--region']],
    ['plan --region ', ['local', 'us-east-2']],
    ['plan --json -r u', ['us-east-2']],
    ['plan --region=us', ['--region=us-east-2']],
    ['plan -c other.yaml -r o', ['other.yaml']],
    ['webserver --p', ['--port', '--plain']],
    ['webserver --confirm once --conf', ['--confirm']],
    ['webserver --confirm ', ['address', 'once', 'ec2', 'none']],
    ['webserver tell re', ['revoke', 'resume']],
    ['webserver tell drain --in', ['--instance']],
    ['bootstrap --log-days 4', ['400']],
    ['completion ', [...SHELLS]],
    ['--v', ['--version']],
  ])('`ecs-host %s`', async (typed, expected) => {
    expect(await completed(typed)).toEqual(expect.arrayContaining(expected));
  });

  test.each([
    ['plan --region local --re', 'an option that takes one value was given'],
    ['plan --config ', 'the shell knows files'],
    ['user-data --cluster ', 'nobody knows'],
    ['xyzzy ', 'there is no such verb'],
    ['help xyzzy ', 'there is no such verb'],
    ['plan -- --re', 'behind -- there are no options'],
    ['webserver tell --wh', 'yargs has the word among the options, and it is none'],
  ])('nothing for `ecs-host %s`: %s', async (typed) => {
    expect(await completed(typed)).toEqual([]);
  });

  test('never what a shell would run', async () => {
    expect(await completed('plan --region ')).toEqual(['local', 'us-east-2', 'no-file']);
  });

  test.each(leaves(verbs).map(({ path }) => path.join(' ')))('%s is found by its beginning', async (name) => {
    expect(await completed(name.slice(0, -1))).toContain(name.split(' ').at(-1));
  });
});

describe('the program answers a shell', () => {
  const ask = (...words: string[]): ReturnType<typeof runCli> => runCli(['--complete', 'fish', ...words]);

  test('with the names of hosts.yaml, also of one with mistakes', async () => {
    const config = join(tempFolder(), 'hosts.yaml');
    await writeFile(config, 'regions:\n  here: {}\n  there:\n    nonsense: 1\nprofiles: [1]\n');
    const [regions, profiles] = await Promise.all([
      ask('plan', '--config', config, '--region', ''),
      ask('plan', '--config', config, '--profile', 'x'),
    ]);
    expect(regions).toEqual({ exitCode: 0, stdout: 'here\nthere\n', stderr: '' });
    expect(profiles).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('with the images that have a record here', async () => {
    const state = tempFolder();
    await mkdir(join(state, 'images'));
    for (const name of ['ami-0aa.json', 'ami-0bb.json.x.partial', 'README'])
      await writeFile(join(state, 'images', name), '');
    const { stdout } = await runCli(['--complete', 'bash', 'smoke', ''], { env: { ECS_HOST_STATE: state } });
    expect(stdout).toBe('ami-0aa\n');
  });

  test.each([
    [['plan', '--config', '/nowhere/hosts.yaml', '--region', '']],
    [['plan', '--config', '/dev/null', '--region', '']],
    [['image', 'show', '']],
    [[]],
  ])('without a word on stderr, whatever is wrong: %j', async (words) => {
    const { exitCode, stderr } = await runCli(['--complete', 'bash', ...words], {
      env: { ECS_HOST_STATE: 'not/absolute' },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('and nothing to a shell that it does not know', async () => {
    expect(await runCli(['--complete', 'tcsh', ''])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});

describe('the script', () => {
  test('is for the shell that is named, or that SHELL names', async () => {
    const [named, own, none] = await Promise.all([
      runCli(['completion', 'fish'], { env: { SHELL: '/bin/bash' } }),
      runCli(['completion'], { env: { SHELL: '/usr/bin/zsh' } }),
      runCli(['completion'], { env: { SHELL: '/bin/tcsh' } }),
    ]);
    expect(named.stdout).toBe(SUPPORT.fish.script);
    expect(own.stdout).toBe(SUPPORT.zsh.script);
    expect(none).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('ecs-host completion bash|zsh|fish') });
    expect(shellOf(undefined)).toBe(null);
  });

  test('is where README says what to do with it', () => {
    const readme = readFileSync(join(projectFolder(), 'README.md'), 'utf8');
    for (const shell of SHELLS) {
      const [, line = ''] = /^# {3}(ecs-host completion \w+ .*)$/m.exec(SUPPORT[shell].script) ?? [];
      expect(readme).toContain(line);
    }
  });
});

/** What each shell says may follow a line, by what its script makes of it. */
const ASKING: Readonly<Record<Shell, (line: string) => string[]>> = {
  bash: (line) => [
    '--noprofile',
    '--norc',
    '-c',
    `source "$SCRIPT"; COMP_LINE=$1; COMP_WORDS=($2); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
     [[ $COMP_LINE != *' ' ]] || COMP_WORDS[++COMP_CWORD]=''
     _ecs_host ecs-host && printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    line,
    // As readline breaks a line into words.
    line.replaceAll('=', ' = '),
  ],
  zsh: (line) => [
    '--no-rcs',
    '-c',
    `compdef() { : }; _files() { : }; _describe() { print -rl -- \${(P)2} }
     source "$SCRIPT"; words=(\${(z)1}); [[ $1 != *' ' ]] || words+=(''); CURRENT=$#words; _ecs_host`,
    'zsh',
    line,
  ],
  fish: (line) => ['--no-config', '-c', 'source $SCRIPT; complete -C $argv[1]', line],
};

describe.each(SHELLS)('in %s', (shell) => {
  /** A real shell, with the program in PATH. */
  async function asked(context: TestContext, line: string): Promise<string[]> {
    const folder = tempFolder();
    const script = join(folder, 'script');
    await writeFile(script, SUPPORT[shell].script);
    const path = `${join(projectFolder(), 'bin')}:${process.env['PATH']}`;
    const env = { ...process.env, PATH: path, SCRIPT: script, HOME: folder, ECS_HOST_CACHE: join(folder, 'cache') };
    try {
      const { stdout, stderr } = await run(shell, ASKING[shell](line), { env, cwd: projectFolder() });
      expect(stderr).toBe('');
      return stdout.split('\n').filter(Boolean);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') context.skip(`there is no ${shell} on this machine`);
      throw error;
    }
  }

  test('verbs are completed, with what they do where the shell shows that', async (context) => {
    const found = await asked(context, 'ecs-host image l');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(shell === 'bash' ? /^list$/ : /^list[:\t].*images/);
  });

  test('so are values, also behind an equals sign', async (context) => {
    expect(await asked(context, 'ecs-host plan --region us-east-')).toEqual(
      expect.arrayContaining(['us-east-1', 'us-east-2']),
    );
    const start = shell === 'bash' ? '' : '--region=';
    expect(await asked(context, 'ecs-host plan --region=loc')).toEqual([`${start}local`]);
    expect(await asked(context, 'ecs-host webserver tell dr')).toEqual(['drain']);
  });

  test('a value that nobody knows is left to the shell, without a word', async (context) => {
    const found = await asked(context, 'ecs-host plan --config hosts.y');
    expect(found).toEqual(shell === 'fish' ? ['hosts.yaml'] : []);
  });
});
