/**
 * Writes every generated file anew; with --check only compares, and fails when one is not what its source says. A
 * generator is a module in scripts/generate/ with a default export `() => Promise<{ path, text }[]>`, paths from the
 * project's root.
 */
import { glob, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectFolder } from './setup-lib/paths.mjs';

type GeneratedFile = { readonly path: string; readonly text: string };

const root = projectFolder();
const check = process.argv.includes('--check');
const drifted: string[] = [];
let count = 0;

for await (const module of glob('scripts/generate/*.ts', { cwd: root })) {
  const { default: generate } = (await import(pathToFileURL(join(root, module)).href)) as {
    default: () => Promise<GeneratedFile[]>;
  };
  for (const { path, text } of await generate()) {
    count += 1;
    const present = await readFile(join(root, path), 'utf8').catch(() => null);
    if (present === text) continue;
    drifted.push(path);
    if (!check) await writeFile(join(root, path), text);
  }
}

for (const path of drifted) console.log(`${check ? 'drifted' : 'written'}: ${path}`);
if (check && drifted.length > 0) {
  console.error('hint: run `make generate` and commit the result');
  process.exitCode = 1;
} else {
  console.log(`${count} generated files are what their sources say`);
}
