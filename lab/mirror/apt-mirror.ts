import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { AptMirrors } from './apt-sources.ts';
import { MirrorCache } from './cache.ts';
import { createMirrorListener } from './listener.ts';

/** Debian's two archives, kept in the lab's cache. */
export type Archives = { readonly debian: MirrorCache; readonly debianSecurity: MirrorCache };

/** An archive below a base URL, kept in the lab's cache under a name. */
export function openArchive(
  cacheFolder: string,
  name: string,
  upstream: string,
  log: (line: string) => void,
): MirrorCache {
  return new MirrorCache({ folder: join(cacheFolder, 'apt', name), upstream, log });
}

export function openArchives(
  cacheFolder: string,
  { debian, debianSecurity }: AptMirrors,
  log: (line: string) => void,
): Archives {
  return {
    debian: openArchive(cacheFolder, 'debian', debian, log),
    debianSecurity: openArchive(cacheFolder, 'debian-security', debianSecurity, log),
  };
}

/** The archives as machines see them. */
export function createAptMirror({ debian, debianSecurity }: Archives): RequestListener {
  return createMirrorListener({ debian, 'debian-security': debianSecurity });
}
