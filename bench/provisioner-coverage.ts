import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import type { FileCoverage } from 'istanbul-lib-coverage';
import { copyWithCoverage } from './coverage/checkout.ts';
import { statementsOf } from './coverage/statements.ts';
import { withEnding } from './interruption.ts';

/**
 * Which statements of provisioners/ ran in the lab's bakes and on the images that were booted. One that did not needs a
 * comment in its source that says why not; exit code 1 when one has none.
 *
 *   node bench/provisioner-coverage.ts
 */
const REASON = /\/\/ Not in a bake of the lab: (.+)/;

type Gap = { readonly file: string; readonly from: number; readonly to: number; readonly reason: string | null };

/** Statements that did not run, joined where nothing that ran is between them. */
function gapsOf(coverage: FileCoverage, file: string, lines: readonly string[]): Gap[] {
  const ran = new Set<number>();
  const missed = new Set<number>();
  for (const [id, { start, end }] of Object.entries(coverage.statementMap)) {
    const of = coverage.s[id] === 0 ? missed : ran;
    if (of === ran) ran.add(start.line);
    else for (let line = start.line; line <= end.line; line += 1) missed.add(line);
  }
  const gaps: { from: number; to: number }[] = [];
  for (const line of [...missed]
    .filter((each) => !ran.has(each) || isMissedInside(coverage, each))
    .toSorted(byNumber)) {
    const last = gaps.at(-1);
    if (last !== undefined && lines.slice(last.to, line - 1).every((text) => /^\s*(\/\/.*)?$/.test(text)))
      last.to = line;
    else gaps.push({ from: line, to: line });
  }
  return gaps.map(({ from, to }) => ({ file, from, to, reason: reasonAt(lines, from, to) }));
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function isMissedInside({ statementMap, s }: FileCoverage, line: number): boolean {
  return Object.entries(statementMap).some(([id, { start }]) => s[id] === 0 && start.line === line);
}

/** In the gap itself, or above it. */
function reasonAt(lines: readonly string[], from: number, to: number): string | null {
  for (const text of lines.slice(Math.max(0, from - 2), to)) {
    const reason = REASON.exec(text)?.[1];
    if (reason !== undefined) return reason;
  }
  return null;
}

async function report(copy: string, raw: string): Promise<boolean> {
  const all = await statementsOf(raw);
  const gaps: Gap[] = [];
  const count = { statements: 0, ran: 0 };
  for (const path of all.files()) {
    const file = relative(copy, path);
    if (!file.startsWith('provisioners/')) continue;
    const coverage = all.fileCoverageFor(path);
    const { total, covered } = coverage.toSummary().statements;
    count.statements += total;
    count.ran += covered;
    gaps.push(...gapsOf(coverage, file, (await readFile(path, 'utf8')).split('\n')));
  }
  for (const { file, from, to, reason } of gaps)
    console.log(`${reason === null ? 'unexplained' : 'explained  '}  ${file}:${from}-${to}  ${reason ?? ''}`);
  const unexplained = gaps.filter(({ reason }) => reason === null).length;
  console.log(`${count.ran} of ${count.statements} statements ran; of ${gaps.length} gaps, ${unexplained} unexplained`);
  return unexplained === 0;
}

await withEnding({
  begin: () => mkdtemp(join(tmpdir(), 'ecs-host-coverage-')),
  work: async (folder, signal) => {
    const [copy, raw] = [join(folder, 'copy'), join(folder, 'raw')];
    await Promise.all([mkdir(copy), mkdir(raw)]);
    await copyWithCoverage(copy);
    await execa(process.execPath, [join(copy, 'bench', 'coverage', 'measure.ts'), raw], {
      cwd: copy,
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      cancelSignal: signal,
      forceKillAfterDelay: false,
    });
    if (!(await report(copy, raw))) process.exitCode = 1;
  },
  end: (folder) => rm(folder, { recursive: true, force: true }),
  patienceMs: 120_000,
});
