import { hash } from 'node:crypto';
import type { MemberLine } from '#contracts/audit.ts';
import { pathText } from '../path-text.ts';
import { isCpio, type Member, readCpio } from './cpio.ts';
import { unpack } from './unpack.ts';

function skipZeros(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0) at += 1;
  return at;
}

/** Archives and packed archives, one behind the other, as a kernel reads them: early microcode comes unpacked. */
async function* archives(bytes: Buffer, isPacked: boolean): AsyncGenerator<readonly Member[]> {
  for (let at = skipZeros(bytes, 0); at < bytes.length; at = skipZeros(bytes, at)) {
    if (isCpio(bytes, at)) {
      const { members, end } = readCpio(bytes, at);
      yield members;
      at = end;
    } else {
      if (!isPacked) throw new Error(`there is something behind the archive, at byte ${at}`);
      const { unpacked, consumed } = await unpack(bytes.subarray(at));
      yield* archives(unpacked, false);
      at += consumed;
    }
  }
}

const MOST_CONTENT_BYTES = 64 * 1024;

function lineOf(
  archive: string,
  { name, kind, mode, file, content }: Member,
  held: ReadonlyMap<string, Buffer>,
  isAsked: (path: string) => boolean,
): MemberLine {
  const whole = held.get(file) ?? content;
  const path = pathText(name);
  const isPrinted = kind === 'file' && whole.length <= MOST_CONTENT_BYTES && isAsked(path);
  return {
    ...{ type: 'member', archive, path, kind, mode },
    ...(kind === 'file' ? { sha256: hash('sha256', whole) } : {}),
    ...(isPrinted ? { base64: whole.toString('base64') } : {}),
    ...(kind === 'link' ? { target: pathText(content) } : {}),
  };
}

/**
 * What is in the archives of a file, in their order.
 *
 * @param isAsked whether a member of that path is to be printed with its content
 * @throws Error when one is damaged, or packed by what is not read here
 */
export async function* membersOf(
  archive: string,
  bytes: Buffer,
  isAsked: (path: string) => boolean = () => false,
): AsyncGenerator<MemberLine> {
  for await (const members of archives(bytes, true)) {
    const held = new Map<string, Buffer>();
    for (const { file, kind, content } of members) if (kind === 'file' && content.length > 0) held.set(file, content);
    for (const member of members) yield lineOf(archive, member, held, isAsked);
  }
}
