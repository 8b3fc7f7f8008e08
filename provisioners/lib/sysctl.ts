/** What is meant as it is; all others are the least that a host needs, and a machine that has more keeps it. */
const EXACT = ['vm.swappiness', 'kernel.panic', 'net.ipv4.ip_local_reserved_ports'];

export function isLeast(key: string): boolean {
  return !EXACT.includes(key);
}

/** Pure: keys and values of a sysctl.d file. */
export function parseSysctl(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const found = /^\s*([a-z][\w.-]*)\s*=\s*(.+?)\s*$/.exec(line);
      return found?.[1] && found[2] ? [[found[1], found[2]] as const] : [];
    }),
  );
}

/** Pure: whether a present value needs no change for the wanted one. */
export function isEnough(key: string, present: string | null, wanted: string): boolean {
  return present === wanted || (present !== null && isLeast(key) && Number(present) >= Number(wanted));
}

/** Pure: what a file that was raised has at least, in the words of the rule `at-least` (contracts/provisioned.ts). */
export function leastSysctls(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const [[key, wanted] = []] = parseSysctl(line);
      return key !== undefined && isLeast(key) ? `${key} = >=${wanted}` : line;
    })
    .join('\n');
}

/** Pure: a sysctl.d file in which nothing is lower than it is now. `present` is null for a key that is not there. */
export function raisedSysctls(text: string, present: (key: string) => string | null): string {
  return text
    .split('\n')
    .map((line) => {
      const [[key, wanted] = []] = parseSysctl(line);
      const now = key === undefined ? null : present(key);
      const isHigher = key !== undefined && now !== null && now !== wanted && isEnough(key, now, wanted ?? '');
      return isHigher ? `${key} = ${now}` : line;
    })
    .join('\n');
}
