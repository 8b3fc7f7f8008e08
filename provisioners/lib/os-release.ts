/** Pure: the value of a name in os-release(5). */
export function osReleaseValue(text: string, name: string): string | null {
  return new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? null;
}
