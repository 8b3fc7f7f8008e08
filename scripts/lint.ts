/**
 * All linters, side by side, each to its end: Biome (format and lint), knip (unused files, exports and packages), ruff
 * (lint and format) and mypy for Python, shellcheck, actionlint, zizmor. What is Python's comes from a hash-locked
 * environment in the cache; actionlint is built from its pinned module when Go is here. `make test` has brought both
 * already.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { renderError } from './setup-lib/errors.mjs';
import { goOnPath } from './setup-lib/go.mjs';
import { findActionlint, findLintEnvironment, makeActionlint, makeLintEnvironment } from './setup-lib/lint-tools.mjs';
import { cacheFolder, projectFolder } from './setup-lib/paths.mjs';
import { readPrerequisites } from './setup-lib/prerequisites.mjs';
import { canRead, findPython } from './setup-lib/probe.mjs';
import { createProgress } from './setup-lib/progress.mjs';

type Outcome = 'passed' | 'failed' | { readonly skipped: string };

const root = projectFolder();
const place = { project: root, cache: cacheFolder(), needed: readPrerequisites() };
const progress = createProgress(process.stderr, { plain: Boolean(process.env['CI']) });

/** What it says is shown when it has ended, in one piece. */
async function runTool(file: string, args: readonly string[]): Promise<Outcome> {
  const { exitCode, all } = await execa(file, args, { cwd: root, stdin: 'ignore', all: true, reject: false });
  if (all !== '') console.error(all);
  return exitCode === 0 ? 'passed' : 'failed';
}

function trackedFiles(): string[] {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed.stdout.split('\0').filter((path) => path !== '');
}

/** Files of a language: by their suffix, or by the `#!` of those that have none. */
function filesOf(suffix: string, interpreter: RegExp): string[] {
  return trackedFiles().filter((path) => {
    if (path.endsWith(suffix)) return true;
    if (/\.[a-z]+$/.test(path)) return false;
    try {
      const [first = ''] = readFileSync(join(root, path), 'utf8').slice(0, 80).split('\n');
      return first.startsWith('#!') && interpreter.test(first);
    } catch {
      return false;
    }
  });
}

let environment: Promise<string> | null = null;

/** Once for all that come from it. */
function lintEnvironment(): Promise<string> {
  environment ??= makeEnvironment();
  return environment;
}

async function makeEnvironment(): Promise<string> {
  if ((await findLintEnvironment(place)) === null) {
    const python = await findPython();
    if (python === null) throw new Error('python3 is not in PATH');
    const step = progress.start('lint tools', 'mypy, ruff, shellcheck and zizmor');
    await makeLintEnvironment(place, python, step);
    step.end('done');
  }
  return join(place.cache, 'lint', 'bin');
}

/** Null when it is not in PATH and there is no Go to build it with. */
async function actionlint(): Promise<string | null> {
  const found = await findActionlint(place);
  if (found !== null || (await goOnPath(place.needed)) === null) return found;
  const step = progress.start('lint tools', 'actionlint');
  await makeActionlint(place, step);
  step.end('done');
  return findActionlint(place);
}

const SHELL = ['.sh', /\b(ba|da)?sh\b/] as const;
const PYTHON = ['.py', /\bpython3\b/] as const;

async function ruff(...args: readonly string[]): Promise<Outcome> {
  return runTool(join(await lintEnvironment(), 'ruff'), [...args, '--no-cache', ...filesOf(...PYTHON)]);
}

/** With the types of the very moto that the lab patches, so it needs the lab's environment beside its own. */
async function mypy(): Promise<Outcome> {
  const python = join(place.cache, 'venv', 'bin', 'python3');
  if (!(await canRead(python))) return { skipped: 'there is no moto to check against; run `make setup`' };
  const options = ['--scripts-are-modules', '--no-error-summary', '--python-executable', python];
  const cache = ['--cache-dir', join(place.cache, 'mypy')];
  return runTool(join(await lintEnvironment(), 'mypy'), [...options, ...cache, ...filesOf(...PYTHON)]);
}

function bin(name: string): string {
  return join(root, 'node_modules', '.bin', name);
}

const linters: readonly (readonly [name: string, run: () => Promise<Outcome>])[] = [
  ['biome', async () => runTool(bin('biome'), ['ci', '--colors=off', '.'])],
  ['knip', async () => runTool(bin('knip'), ['--no-progress'])],
  ['ruff check', () => ruff('check', '--quiet')],
  ['ruff format', () => ruff('format', '--diff', '--quiet')],
  ['mypy', mypy],
  ['shellcheck', async () => runTool(join(await lintEnvironment(), 'shellcheck'), filesOf(...SHELL))],
  [
    'actionlint',
    async () => {
      const binary = await actionlint();
      return binary === null
        ? { skipped: 'it is not in PATH, and there is no Go to build it with' }
        : runTool(binary, ['-shellcheck=']);
    },
  ],
  [
    'zizmor',
    async () =>
      runTool(join(await lintEnvironment(), 'zizmor'), ['--quiet', '--offline', '--color=never', '.github/workflows']),
  ],
];

try {
  await Promise.all(
    linters.map(async ([name, run]) => {
      const outcome = await run();
      if (typeof outcome === 'object') console.log(`skipped: ${name}: ${outcome.skipped}`);
      else console.log(`lint: ${name} ${outcome}`);
      if (outcome === 'failed') process.exitCode = 1;
    }),
  );
} catch (error) {
  const { text, exitCode } = renderError(error);
  console.error(text);
  process.exitCode = exitCode;
}
