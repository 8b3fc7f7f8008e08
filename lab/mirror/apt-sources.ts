import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where Debian's two archives are fetched from. */
export type AptMirrors = { readonly debian: string; readonly debianSecurity: string };

/** Debian's own servers, for machines whose apt sources name no archive of Debian (Ubuntu). */
export const PUBLIC_MIRRORS: AptMirrors = {
  debian: 'http://ftp.debian.org/debian',
  debianSecurity: 'http://security.debian.org/debian-security',
};

type Source = { readonly uri: string; readonly suites: readonly string[]; readonly components: readonly string[] };

/** One-line format: `deb [options] uri suite component...`. */
function parseOneLine(content: string): Source[] {
  return content.split('\n').flatMap((raw) => {
    const line = raw.replace(/#.*/, '').trim();
    const match = /^deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)\s*(.*)$/.exec(line);
    if (!match) return [];
    const [, uri = '', suite = '', components = ''] = match;
    return [{ uri, suites: [suite], components: components.split(/\s+/).filter(Boolean) }];
  });
}

/** deb822 format: stanzas of fields, continuation lines indented, `#` lines ignored. */
function parseStanzas(content: string): Source[] {
  return content
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const fields = new Map<string, string[]>();
      let current: string[] | undefined;
      for (const line of stanza.split('\n')) {
        const field = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
        if (field) {
          current = (field[2] ?? '').split(/\s+/).filter(Boolean);
          fields.set((field[1] ?? '').toLowerCase(), current);
        } else if (/^\s+\S/.test(line)) current?.push(...line.trim().split(/\s+/));
      }
      const types = fields.get('types') ?? [];
      if (!types.includes('deb') || fields.get('enabled')?.[0]?.toLowerCase() === 'no') return [];
      return (fields.get('uris') ?? []).map((uri) => ({
        uri,
        suites: fields.get('suites') ?? [],
        components: fields.get('components') ?? [],
      }));
    });
}

export function parseAptSources(content: string, format: 'list' | 'sources'): Source[] {
  return format === 'list' ? parseOneLine(content) : parseStanzas(content);
}

function isHttp(uri: string): boolean {
  return /^https?:\/\//.test(uri);
}

/**
 * Picks Debian's archives out of sources. A source is Debian's when its URI ends in `/debian` or `/debian-security`, or
 * when its suites can only be Debian's; anything that is not found keeps the public name.
 */
export function chooseMirrors(sources: readonly Source[]): AptMirrors {
  const web = sources
    .filter(({ uri }) => isHttp(uri))
    .map((source) => ({ ...source, uri: source.uri.replace(/\/+$/, '') }));
  const security = web.find(
    ({ uri, suites }) =>
      /\/debian-security$/.test(uri) || suites.some((suite) => /^[a-z]+-security$/.test(suite) && !/ubuntu/.test(uri)),
  );
  const main = web.find(({ uri, components }) => /\/debian$/.test(uri) && components.includes('main'));
  return {
    debian: main?.uri ?? PUBLIC_MIRRORS.debian,
    debianSecurity: security?.uri ?? PUBLIC_MIRRORS.debianSecurity,
  };
}

/**
 * Reads what this machine's apt reads: sources.list, and *.list and *.sources beside it. Missing folders are no
 * error.
 */
export async function readAptMirrors(etcApt = '/etc/apt'): Promise<AptMirrors> {
  const parts = join(etcApt, 'sources.list.d');
  const names = await readdir(parts).catch(() => [] as string[]);
  const files = [join(etcApt, 'sources.list'), ...names.sort().map((name) => join(parts, name))];
  const sources: Source[] = [];
  for (const file of files) {
    const format = file.endsWith('.list') ? 'list' : file.endsWith('.sources') ? 'sources' : null;
    if (format === null) continue;
    const content = await readFile(file, 'utf8').catch(() => '');
    sources.push(...parseAptSources(content, format));
  }
  return chooseMirrors(sources);
}
