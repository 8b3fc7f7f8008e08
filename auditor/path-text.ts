const BACKSLASH = /\\/g;

/** How many bytes of a character of UTF-8 begin at `at`; 0 when none does. */
function characterBytes(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const character = bytes.subarray(at, at + length);
  return Buffer.from(character.toString('utf8'), 'utf8').equals(character) ? length : 0;
}

/** Bytes of a name as text that says all of them: what is no UTF-8 as `\xNN`, a backslash as two. */
export function pathText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  // Equal names stay apart: only what is UTF-8 comes back as the same bytes.
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(bytes)) return text.replace(BACKSLASH, '\\\\');
  let written = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterBytes(bytes, at);
    written +=
      length === 0
        ? `\\x${bytes.toString('hex', at, at + 1)}`
        : bytes.toString('utf8', at, at + length).replace(BACKSLASH, '\\\\');
    at += Math.max(length, 1);
  }
  return written;
}
