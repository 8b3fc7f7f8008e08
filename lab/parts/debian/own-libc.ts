/**
 * Programs of a newer Debian on an older one: they want a C library that the older one lacks, and find it in a folder
 * of its own. Both edits keep every length, so that nothing in the file moves.
 */

/** As long as the first folder in which the loader of amd64 looks for libraries. */
const FOLDER = '/usr/lib/trixie-libc6';
export const LIBC_FOLDER = FOLDER;
const DEFAULT_FOLDER = '/lib/x86_64-linux-gnu';
const CACHE = '/etc/ld.so.cache';
const NO_CACHE = '/nonexistent/lib';
const DEFAULT_LOADER = '/lib64/ld-linux-x86-64.so.2';
/** As long as the loader that programs of amd64 name. */
export const LOADER = `${FOLDER}/ld.so`;

function replaceAll(bytes: Buffer, from: string, to: string): number {
  if (from.length !== to.length) throw new RangeError(`${to} is not as long as ${from}`);
  let count = 0;
  for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + from.length), count += 1)
    bytes.write(to, at, 'latin1');
  return count;
}

/**
 * Pure: a loader that looks into the folder of its own C library first, then where the machine has the rest
 * (/usr/lib/x86_64-linux-gnu), and never into the machine's cache, which would name another C library.
 *
 * @throws RangeError when it is not the loader that this was written for
 */
export function loaderWithOwnFolder(loader: Buffer): Buffer {
  const edited = Buffer.from(loader);
  const second = `/\0/usr${DEFAULT_FOLDER}/\0`;
  if (replaceAll(edited, DEFAULT_FOLDER + second, FOLDER + second) === 0)
    throw new RangeError(`the loader does not look into ${DEFAULT_FOLDER}`);
  if (replaceAll(edited, `${CACHE}\0`, `${NO_CACHE}\0`) === 0) throw new RangeError(`the loader has no ${CACHE}`);
  return edited;
}

/**
 * Pure: a program that is started by the loader of LIBC_FOLDER.
 *
 * @throws RangeError when it is no dynamic program for amd64
 */
export function programWithOwnLoader(program: Buffer): Buffer {
  const PT_INTERP = 3;
  const isElf64 = program.length > 64 && program.readUInt32BE(0) === 0x7f454c46 && program[4] === 2;
  const headers = isElf64 ? Number(program.readBigUInt64LE(32)) : 0;
  const count = isElf64 ? program.readUInt16LE(56) : 0;
  const size = isElf64 ? program.readUInt16LE(54) : 0;
  for (let index = 0; index < count; index += 1) {
    const header = headers + index * size;
    if (program.readUInt32LE(header) !== PT_INTERP) continue;
    const at = Number(program.readBigUInt64LE(header + 8));
    if (program.toString('latin1', at, at + DEFAULT_LOADER.length) !== DEFAULT_LOADER) break;
    const edited = Buffer.from(program);
    edited.write(LOADER, at, 'latin1');
    return edited;
  }
  throw new RangeError(`not a program that ${DEFAULT_LOADER} starts`);
}
