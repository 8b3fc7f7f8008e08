import { readdir } from 'node:fs/promises';
import { parse } from 'yaml';
import { readText } from '../../config/read-text.ts';
import { imagesFolder } from '../../io/paths.ts';

/** The keys of a part of hosts.yaml, also when the file has mistakes: it is being worked on. */
async function namesIn(part: 'regions' | 'profiles', config: string | null): Promise<string[]> {
  const document: unknown = parse(await readText(config ?? 'hosts.yaml'), { logLevel: 'silent' });
  const names = (document as Readonly<Record<string, unknown>> | null)?.[part];
  return typeof names === 'object' && names !== null ? Object.keys(names) : [];
}

async function imagesKnownHere(): Promise<string[]> {
  const names = await readdir(imagesFolder());
  return names.filter((name) => /^ami-\w+\.json$/.test(name)).map((name) => name.slice(0, -'.json'.length));
}

/** Values that this machine knows by itself. No API is asked: nobody waits for a network when pressing Tab. */
export async function knownValues(name: string, config: string | null): Promise<readonly string[]> {
  if (name === 'region' || name === 'or-region') return namesIn('regions', config);
  if (name === 'profile') return namesIn('profiles', config);
  if (name === 'image' || name === 'other') return imagesKnownHere();
  return [];
}
