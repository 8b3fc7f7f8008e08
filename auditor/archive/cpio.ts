import type { AuditEntry } from '#contracts/audit.ts';
import { kindOf } from '../ext4/inode.ts';

/** Of an archive; content and target are of files and links. */
export type Member = {
  readonly name: Buffer;
  readonly kind: AuditEntry['kind'];
  readonly mode: number;
  readonly content: Buffer;
  /** Equal for names of one file: only one of them has the content. */
  readonly file: string;
};

const HEADER_BYTES = 110;
const MAGICS = new Set(['070701', '070702']);
const TRAILER = 'TRAILER!!!';
const MOST_NAME_BYTES = 4096;

export function isCpio(bytes: Buffer, at: number): boolean {
  return MAGICS.has(bytes.toString('latin1', at, at + 6));
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function fieldsOf(bytes: Buffer, at: number): readonly number[] {
  const text = bytes.toString('latin1', at + 6, at + HEADER_BYTES);
  if (!/^[0-9a-fA-F]{104}$/.test(text)) throw new Error(`the archive is damaged at byte ${at}`);
  return Array.from({ length: 13 }, (_, each) => Number.parseInt(text.slice(each * 8, each * 8 + 8), 16));
}

/**
 * The members of the archive that begins at `at`, and where it ends.
 *
 * @throws Error when it is damaged, or has no end
 */
export function readCpio(bytes: Buffer, from: number): { readonly members: readonly Member[]; readonly end: number } {
  const members: Member[] = [];
  for (let at = from; ; ) {
    if (!isCpio(bytes, at)) throw new Error(`the archive is damaged at byte ${at}: no member, and no end`);
    const [inode = 0, mode = 0, , , links = 0, , size = 0, major = 0, minor = 0, , , nameBytes = 0] = fieldsOf(
      bytes,
      at,
    );
    const contentAt = at + aligned(HEADER_BYTES + nameBytes);
    if (nameBytes < 1 || nameBytes > MOST_NAME_BYTES || contentAt + size > bytes.length)
      throw new Error(`the archive is damaged at byte ${at}: a member without end`);
    const name = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + nameBytes - 1);
    const content = bytes.subarray(contentAt, contentAt + size);
    at = contentAt + aligned(size);
    if (name.toString('latin1') === TRAILER) return { members, end: at };
    const kind = kindOf(mode);
    if (kind === undefined) throw new Error(`the archive is damaged: a member of mode 0${mode.toString(8)}`);
    const file = links > 1 ? `${major}:${minor}:${inode}` : `alone at ${at}`;
    members.push({ name, kind, mode: mode & 0o7777, content, file });
  }
}
