/** Pure: keys and values of a sysctl.d file. */
export function parseSysctl(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const found = /^\s*([a-z][\w.-]*)\s*=\s*(.+?)\s*$/.exec(line);
      return found?.[1] && found[2] ? [[found[1], found[2]] as const] : [];
    }),
  );
}
