import { glob, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import type { FileCoverage } from 'istanbul-lib-coverage';
import { copyWithCoverage } from './coverage/checkout.ts';
import { REASONS, reasonFor } from './coverage/reasons.ts';
import { statementsOf } from './coverage/statements.ts';
import { withEnding } from './interruption.ts';

/**
 * Which statements of provisioners/ ran in the lab's bakes and on the images that were booted. One that did not has a
 * reason in bench/coverage/reasons.ts; exit code 1 when one has none. Which reasons were not needed depends a little on
 * what the caches held, and is only told.
 *
 *   node bench/provisioner-coverage.ts
 */
/** `text` is its first line. */
type Gap = { readonly file: string; readonly from: number; readonly to: number; readonly text: string };

/** Statements that did not run, joined where none that ran is between them. */
function gapsOf({ statementMap, s }: FileCoverage, file: string, lines: readonly string[]): Gap[] {
  const statements = Object.entries(statementMap).toSorted(
    ([, { start: a }], [, { start: b }]) => a.line - b.line || a.column - b.column,
  );
  const gaps: { from: number; to: number }[] = [];
  let isOpen = false;
  for (const [id, { start, end }] of statements) {
    const last = gaps.at(-1);
    if (s[id] !== 0) isOpen = false;
    else if (isOpen && last !== undefined) last.to = Math.max(last.to, end.line);
    else {
      gaps.push({ from: start.line, to: end.line });
      isOpen = true;
    }
  }
  return gaps.map(({ from, to }) => ({ file, from, to, text: (lines[from - 1] ?? '').trim() }));
}

async function report(copy: string, raw: string): Promise<boolean> {
  const all = await statementsOf(raw);
  const gaps: Gap[] = [];
  const count = { statements: 0, ran: 0 };
  const covered = new Map(all.files().map((path) => [relative(copy, path), path]));
  for await (const file of glob('provisioners/**/*.ts', { cwd: copy })) {
    const path = covered.get(file);
    const lines = (await readFile(join(copy, file), 'utf8')).split('\n');
    // Of no program that runs on an image.
    if (path === undefined) gaps.push({ file, from: 1, to: lines.length, text: '' });
    else {
      const coverage = all.fileCoverageFor(path);
      const { statements } = coverage.toSummary();
      count.statements += statements.total;
      count.ran += statements.covered;
      gaps.push(...gapsOf(coverage, file, lines));
    }
  }
  return judge(
    gaps.toSorted((a, b) => a.file.localeCompare(b.file) || a.from - b.from),
    count,
  );
}

function judge(gaps: readonly Gap[], { statements, ran }: { statements: number; ran: number }): boolean {
  const unneeded = new Set(REASONS);
  let unexplained = 0;
  for (const { file, from, to, text } of gaps) {
    const found = reasonFor(file, text);
    if (found === undefined) unexplained += 1;
    else unneeded.delete(found);
    console.log(`${found ? 'explained  ' : 'unexplained'}  ${file}:${from}-${to}  ${found?.reason ?? text}`);
  }
  for (const { reason, files = ['all'] } of unneeded) console.log(`not needed   ${files.join(', ')}  ${reason}`);
  console.log(`${ran} of ${statements} statements ran; of ${gaps.length} gaps, ${unexplained} unexplained`);
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
