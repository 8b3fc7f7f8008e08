import type { TargetConfig, Trust } from '#contracts/target-config.ts';

/**
 * Whose signature is taken for a component.
 *
 * @throws Error for what a target says nothing of: then nobody's is
 */
export function trusted<Name extends keyof Trust>({ trust }: TargetConfig, name: Name): NonNullable<Trust[Name]> {
  const found = trust[name];
  if (found === null) throw new Error(`target.json names no key for ${name}, so nothing of it is taken`);
  return found;
}
