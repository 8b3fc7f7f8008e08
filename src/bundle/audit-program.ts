import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, projectFolder } from '../io/paths.ts';
import { bundleProgram, compressedNode, filesBelow } from './bundle.ts';

/** Where the auditor's program comes from; the lock file stands for what it imports from packages. */
const SOURCES = ['auditor', 'contracts'];

/** What is carried to an auditor: its program, and the interpreter for it (gzip). */
export type AuditTools = { readonly program: string; readonly node: string };

async function sourcesDigest(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(projectFolder(), 'package-lock.json')));
  for (const source of SOURCES)
    for (const path of await filesBelow(join(projectFolder(), source)))
      hash.update(`\0${source}/${path}\0`).update(await readFile(join(projectFolder(), source, path)));
  return hash.digest('hex').slice(0, 16);
}

/** The program is bundled once for each state of its sources. */
async function builtProgram(): Promise<string> {
  const program = join(cacheFolder(), 'bundles', `audit-${await sourcesDigest()}.mjs`);
  if (await stat(program).catch(() => null)) return program;
  await mkdir(join(cacheFolder(), 'bundles'), { recursive: true });
  const partial = `${program}.${process.pid}.partial.mjs`;
  try {
    await bundleProgram('auditor/main.ts', partial);
    await rename(partial, program);
  } finally {
    await rm(partial, { force: true });
  }
  return program;
}

/** Both as files of this machine. */
export async function auditTools(): Promise<AuditTools> {
  const [program, { file }] = await Promise.all([builtProgram(), compressedNode()]);
  return { program, node: file };
}
