/**
 * Runs the parts of `make test`, those named, or `all`, each to its end, and prints `N passed, N failed, N skipped`
 * last. The numbers are those of vitest's own reports; a part without tests (lint, types, drift), or a run of vitest
 * that died, adds one failure when it failed.
 *
 * ECS_HOST_TEST_SUMMARY names a file that gets the last line, too.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { projectFolder } from './setup-lib/paths.mjs';
import { formatSeconds } from './setup-lib/progress.mjs';
import { addCounts, type Counts, countReport, failureLines, formatCounts, NO_COUNTS } from './test-counts.ts';

type Part = {
  readonly name: string;
  readonly command: readonly string[];
  readonly tests: boolean;
  /** Only when it is named, or all are. */
  readonly isLong?: true;
};

const root = projectFolder();
const bin = join(root, 'node_modules', '.bin');
const node = join(bin, 'node');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

const PARTS: readonly Part[] = [
  { name: 'lint', command: [node, 'scripts/lint.ts'], tests: false },
  { name: 'types', command: [join(bin, 'tsc'), '--noEmit'], tests: false },
  { name: 'drift', command: [node, 'scripts/generate.ts', '--check'], tests: false },
  { name: 'unit', command: [node, vitest, 'run', '--project', 'unit'], tests: true },
  { name: 'e2e', command: [node, vitest, 'run', '--project', 'e2e'], tests: true },
  {
    name: 'long',
    command: [node, vitest, 'run', '--project', 'long', '--project', 'emulated'],
    tests: true,
    isLong: true,
  },
];

const reports = mkdtempSync(join(tmpdir(), 'ecs-host-test-'));
const failures: string[] = [];
let child: ReturnType<typeof spawn> | undefined;
let interrupted = false;

function runPart(part: Part): Promise<Counts> {
  return new Promise((resolve) => {
    const began = performance.now();
    const report = join(reports, `${part.name}.json`);
    const [file = '', ...args] = part.command;
    const reporting = part.tests
      ? [
          '--reporter=default',
          '--reporter=./test/support/skip-reporter.ts',
          '--reporter=json',
          `--outputFile.json=${report}`,
        ]
      : [];
    console.log(`\n== ${part.name}`);
    child = spawn(file, [...args, ...reporting], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      // A group of its own: vitest's workers, and the commands that they run, are to get a signal as well.
      detached: true,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
    });
    const end = (code: number | null): void => {
      const counts = part.tests ? readReport(report, code) : { ...NO_COUNTS, failed: code === 0 ? 0 : 1 };
      const outcome = counts.failed === 0 ? 'ok' : 'FAIL';
      const numbers = part.tests ? `: ${formatCounts(counts)}` : '';
      console.log(`== ${part.name} ${outcome}${numbers} (${formatSeconds(performance.now() - began)})`);
      resolve(counts);
    };
    child.on('error', () => end(null));
    child.on('close', end);
  });
}

function readReport(file: string, exitCode: number | null): Counts {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    failures.push(...failureLines(report));
    return countReport(report, exitCode);
  } catch {
    return { ...NO_COUNTS, failed: 1 };
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  });
}

const names = process.argv.slice(2);
const isAll = names.includes('all');
const unknown = names.filter((name) => name !== 'all' && !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`test: there is no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

let counts = NO_COUNTS;
const failed: string[] = [];
const wanted = PARTS.filter(({ name, isLong }) =>
  names.length === 0 ? isLong !== true : isAll || names.includes(name),
);
for (const part of wanted) {
  if (interrupted) break;
  const found = await runPart(part);
  if (found.failed > 0) failed.push(part.name);
  counts = addCounts(counts, found);
}
rmSync(reports, { recursive: true, force: true });

console.log('');
if (interrupted) console.log('interrupted: the numbers are those of the parts that ended');
for (const line of failures) console.log(line);
if (failed.length > 0) console.log(`failed parts: ${failed.join(', ')}`);
const last = formatCounts(counts);
console.log(last);
const summary = process.env['ECS_HOST_TEST_SUMMARY'];
if (summary) writeFileSync(summary, `${last}\n`);
process.exitCode = interrupted ? 130 : counts.failed > 0 ? 1 : 0;
