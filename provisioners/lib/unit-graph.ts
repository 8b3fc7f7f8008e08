import { textOf } from './tool.ts';

export type UnitFacts = Readonly<Record<string, readonly string[]>>;

/**
 * Pure: what `systemctl show` prints for several units, as lists by property, by unit. Aliases are found under each of
 * their names.
 */
export function parseUnits(text: string): ReadonlyMap<string, UnitFacts> {
  const units = new Map<string, UnitFacts>();
  for (const block of text.split(/\n\n+/)) {
    const facts: Record<string, readonly string[]> = {};
    for (const line of block.split('\n')) {
      const at = line.indexOf('=');
      if (at > 0)
        facts[line.slice(0, at)] = line
          .slice(at + 1)
          .split(' ')
          .filter(Boolean);
    }
    for (const name of [...(facts['Id'] ?? []), ...(facts['Names'] ?? [])]) units.set(name, facts);
  }
  return units;
}

export type Walk = { readonly properties: readonly string[]; readonly notThrough?: readonly string[] };

/** Pure: every unit that can be reached from `from` over the given properties, with the way there. */
export function reach(
  units: ReadonlyMap<string, UnitFacts>,
  from: string,
  { properties, notThrough = [] }: Walk,
): ReadonlyMap<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>([[from, [from]]]);
  const queue = [from];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (notThrough.includes(next)) continue;
    const way = ways.get(next) ?? [];
    for (const other of properties.flatMap((property) => units.get(next as string)?.[property] ?? [])) {
      if (ways.has(other)) continue;
      ways.set(other, [...way, other]);
      queue.push(other);
    }
  }
  return ways;
}

/** Properties by which starting one unit starts another. */
export const PULLS: Walk = { properties: ['Requires', 'Requisite', 'BindsTo', 'Wants', 'Upholds'] };
/**
 * Properties by which a unit waits for another. Every service is ordered after sockets.target and so after every
 * socket, if that happens to be starting in the same transaction; that is systemd's own doing and no wait for Docker.
 */
export const WAITS: Walk = {
  properties: ['After', 'Requires', 'Requisite', 'BindsTo'],
  notThrough: ['sockets.target'],
};

const PROPERTIES = ['Id', 'Names', 'After', 'TriggeredBy', 'RequiredBy', 'WantedBy', ...PULLS.properties];

/** Every unit that systemd has in memory, and the named ones in any case. */
export async function readUnits(named: readonly string[]): Promise<ReadonlyMap<string, UnitFacts>> {
  return parseUnits(await textOf`systemctl show --property=${PROPERTIES.join(',')} ${named} ${'*'}`);
}
