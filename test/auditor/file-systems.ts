/** File systems as the auditor finds them: made of a folder by e2fsprogs, without root and without mounting. */
import { execFileSync, spawn } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { AuditLine, AuditRequest, EntryLine, FindingLine } from '#contracts/audit.ts';
import { projectFolder } from '../../src/io/paths.ts';

const MIB = 1024 * 1024;

const SIZE_MIB = 64;

/** Of a machine; mke2fs would take 1 KiB for a disk as small as this. */
const BLOCKS = ['-b', '4096'];

/** A file with the file system of `folder`. */
export function makeExt4(file: string, folder: string, options: readonly string[] = []): string {
  writeFileSync(file, '');
  truncateSync(file, SIZE_MIB * MIB);
  const type = options.includes('-t') ? [] : ['-t', 'ext4'];
  const blocks = options.includes('-b') ? [] : BLOCKS;
  execFileSync('mke2fs', ['-q', '-F', ...type, ...blocks, ...options, '-d', folder, file], { stdio: 'pipe' });
  return file;
}

/** @param commands of debugfs, which does without a kernel what a kernel would not let a test do */
export function debugfs(file: string, ...commands: readonly string[]): string {
  const script = `${file}.debugfs`;
  writeFileSync(script, `${commands.join('\n')}\n`);
  return execFileSync('debugfs', ['-w', '-f', script, file], { stdio: 'pipe', encoding: 'utf8' });
}

type Audited = { readonly code: number | null; readonly stderr: string; readonly lines: readonly AuditLine[] };

/** A request without its disk, which is the file. */
type Asked = AuditRequest extends infer Each ? (Each extends AuditRequest ? Omit<Each, 'disk'> : never) : never;

/** Runs the auditor as a program on its own, with any text as its request. */
export async function runAuditor(request: string): Promise<Audited> {
  const child = spawn(process.execPath, [join(projectFolder(), 'auditor', 'main.ts')]);
  child.stdin.on('error', () => undefined);
  child.stdin.end(request);
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [output, stderr, code] = await Promise.all([buffer(child.stdout), text(child.stderr), exit]);
  const written = code === 0 ? gunzipSync(output).toString('utf8').trimEnd().split('\n') : [];
  return { code, stderr, lines: written.map((line) => JSON.parse(line) as AuditLine) };
}

/** @throws Error when the auditor does not end well */
export async function audit(file: string, asked: Asked): Promise<readonly AuditLine[]> {
  const disk = { volumeId: 'vol-0123456789abcdef0', deviceName: file };
  const { code, stderr, lines } = await runAuditor(JSON.stringify({ ...asked, disk }));
  if (code !== 0) throw new Error(stderr);
  return lines;
}

export async function entriesOf(file: string): Promise<ReadonlyMap<string, EntryLine>> {
  const lines = await audit(file, { action: 'manifest', contents: [] });
  return new Map(lines.flatMap((line) => (line.type === 'entry' ? [[line.path, line] as const] : [])));
}

export function findingsOf(lines: readonly AuditLine[]): readonly FindingLine[] {
  return lines.filter((line) => line.type === 'finding');
}
