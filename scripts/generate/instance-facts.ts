import { readFile } from 'node:fs/promises';

const TABLES = ['instance-types.tsv', 'instance-types-by-hand.tsv'];

/**
 * What each instance type has, a line each, from tables with a date. A renewed table (scripts/read-instance-types.ts)
 * renews the list; what has become a line of it is taken out of the other one.
 */
export default async (): Promise<{ path: string; text: string }[]> => {
  const types = new Map<string, string>();
  for (const table of TABLES) {
    const text = await readFile(new URL(table, import.meta.url), 'utf8');
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const [type = '', ...facts] = line.split('\t');
      if (types.has(type)) throw new Error(`${type} stands in two tables of scripts/generate, or twice in ${table}`);
      types.set(type, facts.join(' '));
    }
  }
  const sorted = Object.fromEntries([...types].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return [{ path: 'src/config/instance-facts.json', text: `${JSON.stringify(sorted, null, 2)}\n` }];
};
