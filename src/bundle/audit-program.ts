import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../io/paths.ts';
import { bundleProgram, compressedNode, sourcesDigest } from './bundle.ts';
import type { NodeBinary } from './names.ts';

/** Where the auditor's program comes from; the lock file stands for what it imports from packages. */
const SOURCES = ['auditor', 'contracts', 'package-lock.json'];

/** What an auditor needs, as files of this machine: its program, and the interpreter for it (gzip). */
export type AuditTools = { readonly program: string; readonly nodeFile: string; readonly node: NodeBinary };

/** The program is bundled once for each state of its sources. */
async function builtProgram(): Promise<string> {
  const program = join(cacheFolder(), 'bundles', `audit-${await sourcesDigest(SOURCES, [])}.mjs`);
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

export async function auditTools(): Promise<AuditTools> {
  const [program, { file, node }] = await Promise.all([builtProgram(), compressedNode()]);
  return { program, nodeFile: file, node };
}
