/**
 * Runs the parts of `make test` (all, or those named), each to its end, and prints `N passed, N failed, N skipped`
 * last. The numbers are those of vitest's own reports; a part without tests (lint, types, drift), or a run of vitest
 * that died, adds one failure when it failed.
 *
 * The parts are in two lanes that run side by side (docs/decisions/0207-what-a-run-of-the-tests-costs.md).
 *
 * ECS_HOST_TEST_SUMMARY names a file that gets the last line, too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { LaneOutput } from './lane-output.ts';
import { projectFolder } from './setup-lib/paths.mjs';
import { formatSeconds } from './setup-lib/progress.mjs';
import { addCounts, type Counts, countReport, failureLines, formatCounts, NO_COUNTS } from './test-counts.ts';

type Part = { readonly name: string; readonly command: readonly string[]; readonly tests: boolean };

const root = projectFolder();
const bin = join(root, 'node_modules', '.bin');
const node = join(bin, 'node');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/** What computes, one after the other; beside it what waits half of its time, for machines that boot. */
const LANES: readonly (readonly Part[])[] = [
  [
    { name: 'lint', command: [node, 'scripts/lint.ts'], tests: false },
    { name: 'types', command: [join(bin, 'tsc'), '--noEmit'], tests: false },
    { name: 'drift', command: [node, 'scripts/generate.ts', '--check'], tests: false },
    { name: 'unit', command: [node, vitest, 'run', '--project', 'unit'], tests: true },
  ],
  [{ name: 'e2e', command: [node, vitest, 'run', '--project', 'e2e'], tests: true }],
];
const PARTS = LANES.flat();
const LAST_WORDS_MS = 2000;
/** A third of what the others get: enough for a test that waits for a program of its own. */
const YIELDING = 5;

const reports = mkdtempSync(join(tmpdir(), 'ecs-host-test-'));
const failures: string[] = [];
const children = new Set<ChildProcess>();
let interrupted = false;

function start(part: Part, report: string, output: LaneOutput): ChildProcess {
  const [file = '', ...args] = part.command;
  const reporters = ['default', './test/support/skip-reporter.ts', 'json'].map((name) => `--reporter=${name}`);
  const reporting = part.tests ? [...reporters, `--outputFile.json=${report}`] : [];
  const colour = !output.isFirst && process.stdout.isTTY && !process.env['NO_COLOR'] ? { FORCE_COLOR: '1' } : {};
  const to = output.isFirst ? 'inherit' : 'pipe';
  const child = spawn(file, [...args, ...reporting], {
    cwd: root,
    stdio: ['ignore', to, to],
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, ...colour },
  });
  const streams = [child.stdout, child.stderr];
  for (const stream of streams) stream?.on('data', (text: Buffer) => output.write(text));
  // What a test has left running may hold the pipes.
  child.on('exit', () => setTimeout(() => streams.map((stream) => stream?.destroy()), LAST_WORDS_MS));
  return child;
}

/** @param yields whether the other lane goes before it */
function runPart(part: Part, output: LaneOutput, yields: boolean): Promise<Counts> {
  return new Promise((resolve) => {
    const began = performance.now();
    const report = join(reports, `${part.name}.json`);
    output.write(`\n== ${part.name}\n`);
    const child = start(part, report, output);
    children.add(child);
    if (yields && child.pid !== undefined) setPriority(child.pid, YIELDING);
    const end = (code: number | null): void => {
      children.delete(child);
      const counts = part.tests ? readReport(report, code) : { ...NO_COUNTS, failed: code === 0 ? 0 : 1 };
      const outcome = counts.failed === 0 ? 'ok' : 'FAIL';
      const numbers = part.tests ? `: ${formatCounts(counts)}` : '';
      output.write(`== ${part.name} ${outcome}${numbers} (${formatSeconds(performance.now() - began)})\n`);
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
    for (const child of children) child.kill(signal);
  });
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`test: there is no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

let counts = NO_COUNTS;
const failed: string[] = [];
const lanes = LANES.map((lane) => lane.filter(({ name }) => names.length === 0 || names.includes(name))).filter(
  (lane) => lane.length > 0,
);

async function runLane(lane: readonly Part[], output: LaneOutput, yields: boolean): Promise<void> {
  for (const part of lane) {
    if (interrupted) break;
    const found = await runPart(part, output, yields);
    if (found.failed > 0) failed.push(part.name);
    counts = addCounts(counts, found);
  }
}

const running = lanes.map((lane, index) => {
  const output = new LaneOutput(index === 0, process.stdout);
  return { output, ended: runLane(lane, output, index === 0 && lanes.length > 1) };
});
for (const { output, ended } of running) {
  output.begin();
  await ended;
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
