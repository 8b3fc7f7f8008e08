import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { reasonOf } from '../reason.ts';
import { GrowingFile } from './growing-file.ts';
import { fetchUpstream } from './upstream.ts';

export type MirrorAnswer =
  | {
      readonly status: 200;
      /** Null while upstream has not said how much will come. */
      readonly size: number | null;
      /** HTTP date, or null when upstream gave none. */
      readonly lastModified: string | null;
      readonly source: 'cache' | 'upstream' | 'stale';
      body(): Promise<Readable>;
    }
  | { readonly status: 404 | 502; readonly reason: string };

export type MirrorCache = {
  /** @param path below the archive: `pool/main/...` or `dists/...` */
  get(path: string): Promise<MirrorAnswer>;
};

type Kept = { readonly lastModified: string | null };

/** What upstream said, as soon as it has said it; the content of `fresh` may still be coming. */
type Fetched =
  | {
      readonly kind: 'fresh';
      readonly file: GrowingFile;
      readonly size: number | null;
      readonly lastModified: string | null;
    }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly status: 404 | 502; readonly reason: string };

type Download = { readonly started: Promise<Fetched>; readonly finished: Promise<void> };

export type MirrorOptions = {
  readonly folder: string;
  /** Base URL of the archive, for example `http://mirror.example/debian`. */
  readonly upstream: string;
  readonly log: (line: string) => void;
  /** Where proxies are looked up; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How long an index is believed without asking again: one bake asks for the same index a few times. */
  readonly freshMs?: number;
};

/** Files under pool/ never change under their name; by-hash files are named by what they hold. */
function isImmutable(path: string): boolean {
  return /^pool\//.test(path) || /\/by-hash\//.test(path);
}

/**
 * A cache of one Debian archive on disk. Packages are kept for ever, indexes are asked for again with If-Modified-Since and
 * served as they are when upstream does not answer. Concurrent requests for one file share one download, and all of them are
 * served while it runs.
 */
export function createMirrorCache(options: MirrorOptions): MirrorCache {
  const { folder, upstream, log, freshMs = 20_000, environment = process.env } = options;
  const base = upstream.replace(/\/+$/, '');
  const running = new Map<string, Download>();
  const checkedAt = new Map<string, number>();
  const fileOf = (path: string): string => join(folder, path);
  const noteOf = (path: string): string => `${fileOf(path)}.lab-note`;

  const readNote = async (path: string): Promise<Kept | null> => {
    try {
      await stat(fileOf(path));
      return JSON.parse(await readFile(noteOf(path), 'utf8')) as Kept;
    } catch {
      return null;
    }
  };

  const begin = async (path: string, kept: Kept | null): Promise<{ fetched: Fetched; rest: Promise<void> }> => {
    const nothing = Promise.resolve();
    const failed = (status: 404 | 502, reason: string) => ({
      fetched: { kind: 'failed' as const, status, reason },
      rest: nothing,
    });
    const headers: Record<string, string> = kept?.lastModified ? { 'if-modified-since': kept.lastModified } : {};
    try {
      const response = await fetchUpstream(new URL(`${base}/${path}`), headers, { environment });
      const status = response.statusCode ?? 0;
      if (status !== 200) response.resume();
      if (status === 304 && kept) return { fetched: { kind: 'unchanged' }, rest: nothing };
      if (status !== 200) return failed([403, 404, 410].includes(status) ? 404 : 502, `upstream answered ${status}`);
      const final = fileOf(path);
      await mkdir(dirname(final), { recursive: true });
      const file = await GrowingFile.create(`${final}.lab-${randomUUID()}`, final);
      const announced = response.headers['content-length'];
      const size = announced === undefined ? null : Number(announced);
      const lastModified = response.headers['last-modified'] ?? null;
      // The note first: a file without a note is fetched again, a note without a file is ignored.
      const note = (): Promise<void> => writeFile(noteOf(path), JSON.stringify({ lastModified } satisfies Kept));
      return { fetched: { kind: 'fresh', file, size, lastModified }, rest: file.fill(response, size, note) };
    } catch (error) {
      return failed(502, reasonOf(error));
    }
  };

  const download = (path: string, kept: Kept | null): Download => {
    const already = running.get(path);
    if (already) return already;
    const begun = Date.now();
    const both = begin(path, kept);
    const finished = both.then(async ({ fetched, rest }) => {
      try {
        await rest;
        if (fetched.kind === 'failed') log(`mirror: ${path}: ${fetched.reason}`);
        else checkedAt.set(path, Date.now());
        if (fetched.kind === 'fresh' && Date.now() - begun > 5000) log(`mirror: ${path} took ${Date.now() - begun} ms`);
      } catch (error) {
        log(`mirror: ${path}: ${reasonOf(error)}`);
      } finally {
        running.delete(path);
      }
    });
    const entry = { started: both.then(({ fetched }) => fetched), finished };
    running.set(path, entry);
    return entry;
  };

  const fromDisk = async (path: string, source: 'cache' | 'stale', kept: Kept): Promise<MirrorAnswer> => {
    const { size } = await stat(fileOf(path));
    return {
      status: 200,
      size,
      lastModified: kept.lastModified,
      source,
      body: async () => createReadStream(fileOf(path)),
    };
  };

  return {
    async get(path) {
      const kept = await readNote(path);
      const fresh = Date.now() - (checkedAt.get(path) ?? 0) < freshMs;
      if (kept && (isImmutable(path) || fresh)) return fromDisk(path, 'cache', kept);
      const fetched = await download(path, kept).started;
      if (fetched.kind === 'fresh') {
        const { size, lastModified, file } = fetched;
        return { status: 200, size, lastModified, source: 'upstream', body: () => file.read() };
      }
      if (kept && fetched.kind === 'unchanged') return fromDisk(path, 'cache', kept);
      if (kept && fetched.kind === 'failed' && fetched.status === 502) return fromDisk(path, 'stale', kept);
      return fetched.kind === 'failed'
        ? fetched
        : { status: 502, reason: 'upstream said unchanged, and nothing is kept' };
    },
  };
}
