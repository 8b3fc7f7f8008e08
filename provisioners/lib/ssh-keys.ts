import { readdir } from 'node:fs/promises';
import { exists, readText } from './files.ts';

/**
 * Pure: type and body of every key in an authorized_keys file or a list of public keys; options and comments left
 * out.
 */
export function keysIn(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const found = /(?:^|\s)((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+\s+AAAA[A-Za-z0-9+/=]+)/.exec(
      line.replace(/^\s*#.*/, ''),
    );
    return found?.[1] ? [found[1].replace(/\s+/, ' ')] : [];
  });
}

/** Pure: home folders out of passwd(5); the root folder, which many system users have, is nobody's home. */
export function homesIn(passwd: string): readonly string[] {
  return [
    ...new Set(
      passwd.split('\n').flatMap((line) => {
        const home = line.split(':')[5];
        return home?.startsWith('/') && home !== '/' && home !== '/nonexistent' ? [home] : [];
      }),
    ),
  ];
}

export async function homes(): Promise<readonly string[]> {
  return homesIn((await readText('/etc/passwd')) ?? '');
}

const KEY_FILES = ['.ssh/authorized_keys', '.ssh/authorized_keys2'];

/** Files that let somebody in, of every user. */
export async function authorizedKeyFiles(): Promise<readonly string[]> {
  const files = (await homes()).flatMap((home) => KEY_FILES.map((name) => `${home}/${name}`));
  const there = await Promise.all(files.map(exists));
  return files.filter((_, at) => there[at]);
}

/** Private keys that somebody left in a home folder. */
export async function privateKeyFiles(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const home of await homes()) {
    for (const name of await readdir(`${home}/.ssh`).catch(() => [])) {
      const text = await readText(`${home}/.ssh/${name}`).catch(() => null);
      if (text?.includes('PRIVATE KEY-----')) found.push(`${home}/.ssh/${name}`);
    }
  }
  return found;
}

export async function hostKeyFiles(): Promise<readonly string[]> {
  return (await readdir('/etc/ssh').catch(() => []))
    .filter((name) => /^ssh_host_.*key/.test(name))
    .map((name) => `/etc/ssh/${name}`);
}
