import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { AptMirrors } from './apt-sources.ts';
import { MirrorCache } from './cache.ts';
import { createMirrorListener } from './listener.ts';

/** Debian's two archives as machines see them, kept in the lab's cache. */
export function createAptMirror(
  cacheFolder: string,
  { debian, debianSecurity }: AptMirrors,
  log: (line: string) => void,
): RequestListener {
  const archive = (name: string, upstream: string): MirrorCache =>
    new MirrorCache({ folder: join(cacheFolder, 'apt', name), upstream, log });
  return createMirrorListener({
    debian: archive('debian', debian),
    'debian-security': archive('debian-security', debianSecurity),
  });
}
