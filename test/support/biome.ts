/**
 * Biome on planted files, which are outside the project's repository: with a part of biome.json, and no more rules than
 * that.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { projectFolder } from '../../src/io/paths.ts';

type Refusal = { readonly rule: string; readonly file: string; readonly line: number };

/** Lints everything in the folder. */
export async function lintPlanted(root: string, config: object): Promise<Refusal[]> {
  await writeFile(join(root, 'biome.json'), JSON.stringify(config));
  const biome = join(projectFolder(), 'node_modules', '.bin', 'biome');
  const args = ['lint', '--reporter=github', '--max-diagnostics=none', '.'];
  const output = await new Promise<string>((resolve) => {
    execFile(biome, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout) => resolve(stdout));
  });
  return [...output.matchAll(/title=([^,]+),file=([^,]+),line=(\d+),/g)].map(([, rule = '', file = '', line]) => ({
    rule,
    file: relative(root, file),
    line: Number(line),
  }));
}
