import { chmod, lstat, mkdir, readFile, readlink, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Base } from '../../../src/dev-host/sync/compare.ts';
import { bytesOf, type SideName } from '../../../src/dev-host/sync/entry.ts';
import { summary } from '../../../src/dev-host/sync/report.ts';
import { type Outcome, syncRound } from '../../../src/dev-host/sync/round.ts';
import { type RunShell, Side, shellHere } from '../../../src/dev-host/sync/side.ts';
import { findProgram } from '../../../src/io/programs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const signal = new AbortController().signal;
const hasRsync = (await findProgram('rsync')) !== null;
let folder: string;
let base: Base;
let pruned: Set<string>;

beforeEach(async (context) => {
  if (!hasRsync) context.skip('no rsync on this machine');
  // Blanks and quotes on the way must not matter.
  folder = join(tempFolder(), "a 'b c");
  base = new Map();
  pruned = new Set();
  for (const side of ['here', 'there']) await mkdir(join(folder, side), { recursive: true });
});

type Change = { readonly prefer?: SideName; readonly isDry?: boolean; readonly shell?: RunShell };

async function round({ prefer, isDry = false, shell = shellHere(signal) }: Change = {}): Promise<Outcome> {
  const sides = {
    here: new Side('here', join(folder, 'here'), shellHere(signal)),
    there: new Side('there', join(folder, 'there'), shell),
  };
  const outcome = await syncRound({
    sides,
    way: null,
    base,
    prefer: prefer ?? null,
    isDry,
    signal,
    progress: () => {},
    pruned,
  });
  base = outcome.base;
  return outcome;
}

async function put(side: SideName, path: string, text = path): Promise<void> {
  const file = join(folder, side, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** All that a side has, as `find` and `sha256sum` tell it. */
async function tree(side: SideName): Promise<string> {
  const cwd = join(folder, side);
  const ofKind = (kind: string, form: string): string[] => ['-o', '-type', kind, '-printf', `${kind} %P${form}\\0`];
  const forms = [...ofKind('d', ''), ...ofKind('l', ' %l'), ...ofKind('f', ' %s %T@ %m')];
  const { stdout } = await execa('find', ['.', '-name', '.git', '-prune', ...forms], { cwd });
  const hash = ['-type', 'f', '-exec', 'sha256sum', '-z', '{}', '+'];
  const { stdout: sums } = await execa('find', ['.', '-name', '.git', '-prune', '-o', ...hash], { cwd });
  return [...stdout.split('\0'), ...sums.split('\0')].toSorted().join('\n');
}

async function expectSame(): Promise<void> {
  expect(await tree('here')).toBe(await tree('there'));
  expect(summary(await round())).toBe('both sides are the same');
}

function git(side: SideName, ...words: readonly string[]) {
  const as = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'protocol.file.allow=always'];
  return execa('git', [...as, ...words], { cwd: join(folder, side), env: { GIT_CONFIG_GLOBAL: '/dev/null' } });
}

function read(side: SideName, path: string): Promise<string> {
  return readFile(join(folder, side, path), 'utf8');
}

function has(side: SideName, path: string): Promise<boolean> {
  return lstat(join(folder, side, path)).then(
    () => true,
    () => false,
  );
}

describe('both ways', () => {
  test('what is new, changed or deleted on one side is so on the other', async () => {
    await put('here', 'src/a.txt');
    await put('here', 'src/b.txt');
    await put('there', 'made/there.txt');
    expect(summary(await round())).toBe('3 to there, 2 from there');
    await expectSame();
    await put('here', 'src/a.txt', 'changed here');
    await put('there', 'made/there.txt', 'changed there');
    await rm(join(folder, 'there', 'src/b.txt'));
    expect(summary(await round())).toBe('1 to there, 1 from there, 1 deleted here');
    await expectSame();
    await rm(join(folder, 'here', 'made'), { recursive: true });
    expect(summary(await round())).toBe('2 deleted there');
    await expectSame();
    expect(await has('there', '.ecs-host-sync')).toBe(false);
  });

  test('the first time nothing is deleted, and what is the same on both sides is no conflict', async () => {
    await put('here', 'same', 'text');
    await put('there', 'same', 'text');
    await put('here', 'differs', 'mine!');
    await put('there', 'differs', 'yours');
    await put('here', 'only here');
    await put('there', 'only there');
    const { conflicts } = await round();
    expect([...conflicts.keys()]).toEqual(['differs']);
    expect(await read('here', 'differs')).toBe('mine!');
    expect(await read('there', 'differs')).toBe('yours');
    expect(await has('here', 'only there')).toBe(true);
    await round({ prefer: 'there' });
    expect(await read('here', 'differs')).toBe('yours');
    expect(summary(await round())).toBe('both sides are the same');
  });

  test('names, links, executables, empty folders and times are as they were', async () => {
    const odd = [
      '-n',
      '--delete',
      '# no comment',
      ';x',
      ' blank ',
      'new\nline',
      'tab\t',
      "it's",
      '"',
      '\\',
      'ü',
      '*',
      '[a]',
      ':(glob)x',
      '$(x)',
      '~',
    ];
    for (const name of odd) await put('here', `odd/${name}`);
    for (const name of odd) await put('there', `${name}-dir/${name}`);
    await writeFile(Buffer.concat([Buffer.from(join(folder, 'here/')), Buffer.from([0xff, 0xfe])]), 'no text');
    await put('here', 'run.sh');
    await chmod(join(folder, 'here/run.sh'), 0o755);
    await symlink('run.sh', join(folder, 'here/link'));
    await symlink('/nowhere', join(folder, 'here/dangling'));
    await symlink('.', join(folder, 'there/loop'));
    await mkdir(join(folder, 'here/empty/deep'), { recursive: true });
    await utimes(join(folder, 'here/run.sh'), 1_000_000_000.25, 1_000_000_000.25);
    await put('here', 'large');
    await execa('truncate', ['-s', '30M', join(folder, 'here/large')]);
    await round();
    await expectSame();
    expect(await readlink(join(folder, 'there/dangling'))).toBe('/nowhere');
    expect((await lstat(join(folder, 'there/run.sh'))).mode & 0o777).toBe(0o755);
    await chmod(join(folder, 'there/run.sh'), 0o644);
    await rm(join(folder, 'here/link'));
    await symlink('odd', join(folder, 'here/link'));
    for (const name of odd) await rm(join(folder, 'there/odd', name));
    await round();
    expect((await lstat(join(folder, 'here/run.sh'))).mode & 0o111).toBe(0);
    expect(await readlink(join(folder, 'there/link'))).toBe('odd');
    await expectSame();
  });

  test('files, folders and links take each other’s place', async () => {
    await put('here', 'a/in');
    await put('here', 'b');
    await put('here', 'c');
    await round();
    await rm(join(folder, 'here/a'), { recursive: true });
    await put('here', 'a');
    await rm(join(folder, 'there/b'));
    await put('there', 'b/in/deep');
    await rm(join(folder, 'here/c'));
    await symlink('a', join(folder, 'here/c'));
    await round();
    await expectSame();
    expect(await read('there', 'a')).toBe('a');
    expect(await read('here', 'b/in/deep')).toBe('b/in/deep');
  });

  test('a folder that is renamed is renamed there', async () => {
    await put('here', 'old/a');
    await put('here', 'old/b/c');
    await round();
    await rename(join(folder, 'here/old'), join(folder, 'here/new'));
    await round();
    await expectSame();
    expect(await has('there', 'old')).toBe(false);
  });

  test('what changed on both sides is left alone, and the rest is done', async () => {
    await put('here', 'a');
    await put('here', 'gone');
    await put('here', 'b');
    await round();
    await put('here', 'a', 'mine');
    await put('there', 'a', 'theirs');
    await rm(join(folder, 'here/gone'));
    await put('there', 'gone', 'still used');
    await put('here', 'b', 'news');
    const { conflicts, done } = await round();
    expect(Object.fromEntries(conflicts)).toEqual({
      a: 'changed here and there',
      gone: 'deleted here, changed there',
    });
    expect([...done.keys()]).toEqual(['b']);
    expect(await read('there', 'a')).toBe('theirs');
    await round({ prefer: 'here' });
    expect(await read('there', 'a')).toBe('mine');
    await expectSame();
  });

  test('to look only changes nothing, also where nothing is there yet', async () => {
    await put('here', 'a');
    await rm(join(folder, 'there'), { recursive: true });
    expect(summary(await round({ isDry: true }))).toBe('1 to there');
    expect(await has('there', '')).toBe(false);
    expect(base.size).toBe(0);
  });
});

describe('what git ignores', () => {
  test('is left alone on both sides, also where only the other has it', async () => {
    await git('here', 'init', '-q');
    await put('here', '.gitignore', '*.log\nbuild/\n/only-top\nlogs/*\n!logs/keep\n');
    await put('here', 'sub/.gitignore', 'local\n');
    for (const side of ['here', 'there'] as const)
      for (const path of ['x.log', 'build/out', 'sub/local', 'only-top', 'sub/deep/build/y', 'logs/a'])
        await put(side, path, `${side} ${path}`);
    await put('there', 'sub/only-top');
    await put('there', 'logs/keep');
    await put('there', 'kept.txt');
    await put('there', '.git/config', 'of another clone');
    const { isWorkTree } = await round();
    expect(isWorkTree).toBe(true);
    for (const path of ['x.log', 'build/out', 'sub/local', 'only-top', 'sub/deep/build/y', 'logs/a']) {
      expect(await read('here', path)).toBe(`here ${path}`);
      expect(await read('there', path)).toBe(`there ${path}`);
    }
    for (const path of ['sub/only-top', 'logs/keep', 'kept.txt']) expect(await has('here', path)).toBe(true);
    expect(await read('there', '.git/config')).toBe('of another clone');
    expect([...pruned].toSorted()).toEqual(['build', 'sub/deep/build']);
    expect((await round()).done.size).toBe(0);
  });

  test('is synced from when the rules no longer say so, and what they come to say is left as it is', async () => {
    await git('here', 'init', '-q');
    await put('here', '.gitignore', 'build/\n');
    await put('there', 'build/out');
    await put('here', 'notes');
    await round();
    await round();
    expect(await has('here', 'build')).toBe(false);
    await put('here', '.gitignore', 'notes\n');
    await round();
    expect(await read('here', 'build/out')).toBe('build/out');
    await put('here', 'notes', 'only here');
    await round();
    expect(await read('there', 'notes')).toBe('notes');
  });

  test('does not count for what is tracked all the same', async () => {
    await git('here', 'init', '-q');
    await put('here', '.gitignore', 'vendor/\n*.bin\n');
    await put('here', 'vendor/tracked');
    await put('here', 'vendor/untracked');
    await put('here', 'a.bin');
    await git('here', 'add', '-f', 'vendor/tracked', 'a.bin');
    await round();
    expect([await has('there', 'vendor/tracked'), await has('there', 'a.bin')]).toEqual([true, true]);
    expect(await has('there', 'vendor/untracked')).toBe(false);
  });

  test('is said by each repository for itself: submodules, clones within, those that are not checked out', async () => {
    await git('here', 'init', '-q', '../module');
    await execa(
      'sh',
      ['-c', 'echo "*.o" >.gitignore && echo a >a.c && git add . && git -c user.name=t -c user.email=t@e commit -qm a'],
      {
        cwd: join(folder, 'module'),
      },
    );
    await git('here', 'init', '-q');
    await git('here', 'submodule', '--quiet', 'add', join(folder, 'module'), 'in');
    await git('here', 'submodule', '--quiet', 'add', join(folder, 'module'), 'out');
    await git('here', 'submodule', '--quiet', 'deinit', '-f', 'out');
    await put('here', '.gitignore', 'cache/\n');
    await git('here', 'clone', '-q', join(folder, 'module'), 'clone');
    await git('here', 'clone', '-q', join(folder, 'module'), 'cache/clone');
    for (const path of ['in/a.o', 'clone/a.o', 'x.o']) await put('here', path);
    await put('there', 'out/b.c');
    const { leftOut } = await round();
    expect(leftOut).toEqual(['out']);
    for (const path of ['in/a.c', 'clone/a.c', 'x.o', '.gitmodules'])
      expect([path, await has('there', path)]).toEqual([path, true]);
    for (const path of ['in/a.o', 'clone/a.o', 'cache', 'in/.git'])
      expect([path, await has('there', path)]).toEqual([path, false]);
    expect(await has('here', 'out/b.c')).toBe(false);
    expect((await round()).done.size).toBe(0);
  });

  test('is nothing where there is no repository, or one that ignores the folder itself', async () => {
    await put('here', 'x.log');
    await put('here', '.gitignore', '*.log\n');
    expect((await round()).isWorkTree).toBe(false);
    expect(await has('there', 'x.log')).toBe(true);
    await execa('git', ['init', '-q', folder]);
    await writeFile(join(folder, '.gitignore'), '*\n');
    expect((await round()).isWorkTree).toBe(false);
  });
});

describe('accidents', () => {
  test('a side that is empty all at once is not taken for a wish', async () => {
    await put('here', 'a');
    await put('here', 'b/c');
    await round();
    await rm(join(folder, 'there'), { recursive: true });
    await mkdir(join(folder, 'there'));
    await expect(round()).rejects.toMatchObject({ code: 'SYNC_EMPTIED' });
    expect(await has('here', 'b/c')).toBe(true);
    await round({ prefer: 'here' });
    await expectSame();
    await rm(join(folder, 'here/a'));
    await rm(join(folder, 'here/b'), { recursive: true });
    await round({ prefer: 'here' });
    expect(await has('there', 'a')).toBe(false);
  });

  test('after an interruption the work goes on, and nothing is a conflict', async () => {
    await put('here', 'a');
    await put('here', 'b');
    await round();
    const before = base;
    await put('here', 'a', 'new a');
    await rm(join(folder, 'here/b'));
    await put('there', 'c');
    await round();
    // As if it had been killed before it could remember.
    base = before;
    expect(summary(await round())).toBe('both sides are the same');
    await expectSame();
  });

  test('a file that changes while it is carried is carried again, and is no conflict', async () => {
    await put('here', 'log', 'x'.repeat(1e6));
    let lines = 1;
    const writer = setInterval(() => void put('here', 'log', 'x'.repeat(1e6 + lines++)), 1);
    for (let at = 0; at < 5; at += 1) expect([...(await round()).conflicts]).toEqual([]);
    clearInterval(writer);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await round();
    await expectSame();
  });

  test('what is changed there while it is replaced or removed is kept', async () => {
    await put('here', 'a', 'one');
    await put('here', 'b', 'one');
    await round();
    await put('here', 'a', 'two');
    await rm(join(folder, 'here/b'));
    const plain = shellHere(signal);
    let isDone = false;
    const racing: RunShell = async (line, input) => {
      // Just before the folder there is made ready to be written to.
      if (line.includes('mkdir') && !isDone) {
        isDone = true;
        await put('there', 'a', 'precious');
        await put('there', 'b', 'precious, too');
      }
      return plain(line, input);
    };
    const { lost } = await round({ shell: racing });
    expect(lost.map(({ side }) => side)).toEqual(['there', 'there']);
    const kept = await Promise.all(lost.map(({ path }) => read('there', path)));
    expect(kept.toSorted()).toEqual(['precious', 'precious, too']);
    expect(await read('there', 'a')).toBe('two');
    await round();
    expect(await has('here', lost[0]?.path ?? '')).toBe(false);
  });

  test('a folder that keeps what git ignores is not removed, and does not come back', async () => {
    await git('here', 'init', '-q');
    await put('here', '.gitignore', '*.o\n');
    await put('here', 'd/a.c');
    await round();
    await put('there', 'd/a.o');
    await rm(join(folder, 'here/d'), { recursive: true });
    expect(summary(await round())).toBe('1 deleted there');
    expect(summary(await round())).toBe('both sides are the same');
    expect(await has('there', 'd/a.o')).toBe(true);
    expect(await has('here', 'd')).toBe(false);
  });

  test('what cannot be carried is said, and tried again', async () => {
    await put('here', 'fine');
    await mkdir(join(folder, 'there/taken/full'), { recursive: true });
    await git('here', 'init', '-q');
    await put('here', '.gitignore', '*.o\n');
    await put('there', 'taken/a.o');
    await rm(join(folder, 'there/taken/full'), { recursive: true });
    await put('here', 'taken', 'a file');
    const { failed, conflicts, complaint } = await round({ prefer: 'here' });
    expect([failed, [...conflicts.keys()]]).toEqual([['taken'], []]);
    expect(complaint).toContain('taken');
    expect(await has('there', 'fine')).toBe(true);
    await rm(join(folder, 'there/taken'), { recursive: true });
    expect((await round()).failed).toEqual([]);
    await expectSame();
  });
});

test('names are shown on one line', async () => {
  await put('here', 'new\nline', '1');
  const { done } = await round();
  expect([...done.keys()]).toEqual([bytesOf('new\nline')]);
});
