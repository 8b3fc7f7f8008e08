/** Thrown when somebody looks at a value that was refused. */
export class Unusable extends Error {}

export function pointerOf(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * A copy in which every refused value, present or missing, throws `Unusable` when it is looked at. So whoever reads the
 * copy needs no second check of types, and one mistake is not reported twice.
 */
export function withoutUnusable(value: unknown, refused: ReadonlySet<string>): unknown {
  const missing = new Map<string, string[]>();
  for (const pointer of refused) {
    const cut = pointer.lastIndexOf('/');
    const parent = pointer.slice(0, Math.max(cut, 0));
    const keys = missing.get(parent) ?? [];
    keys.push(pointer.slice(cut + 1));
    missing.set(parent, keys);
  }
  const copy = (from: unknown, pointer: string): unknown => {
    if (typeof from !== 'object' || from === null) return from;
    const to: object = Array.isArray(from) ? [] : {};
    for (const [key, member] of Object.entries(from)) {
      const below = pointer + pointerOf([key]);
      if (refused.has(below)) continue;
      // Defined, not assigned: the key may be __proto__.
      Object.defineProperty(to, key, { value: copy(member, below), enumerable: true });
    }
    for (const escaped of missing.get(pointer) ?? []) {
      const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
      Object.defineProperty(to, key, {
        enumerable: true,
        get: () => {
          throw new Unusable(`${pointer}/${escaped}`);
        },
      });
    }
    return to;
  };
  return copy(value, '');
}
