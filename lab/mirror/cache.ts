import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { reasonOf } from '../reason.ts';
import { GrowingFile } from './growing-file.ts';
import { Upstream } from './upstream.ts';

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

type Begun = { readonly fetched: Fetched; readonly rest: Promise<void> };

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
 * A cache of one Debian archive on disk. Packages are kept for ever, indexes are asked for again with If-Modified-Since
 * and served as they are when upstream does not answer. Concurrent requests for one file share one download, and all of
 * them are served while it runs. Own code, because apt-cacher-ng would be a daemon more to install and to sweep, with a
 * state of its own.
 */
export class MirrorCache {
  readonly #folder: string;
  readonly #base: string;
  readonly #log: (line: string) => void;
  readonly #freshMs: number;
  readonly #upstream: Upstream;
  readonly #running = new Map<string, Promise<Fetched>>();
  readonly #checkedAt = new Map<string, number>();

  constructor({ folder, upstream, log, freshMs = 20_000, environment = process.env }: MirrorOptions) {
    this.#folder = folder;
    this.#base = upstream.replace(/\/+$/, '');
    this.#log = log;
    this.#freshMs = freshMs;
    this.#upstream = new Upstream(environment);
  }

  /** @param path below the archive: `pool/main/...` or `dists/...` */
  async get(path: string): Promise<MirrorAnswer> {
    const kept = await this.#readNote(path);
    const isFresh = Date.now() - (this.#checkedAt.get(path) ?? 0) < this.#freshMs;
    if (kept && (isImmutable(path) || isFresh)) return this.#fromDisk(path, 'cache', kept);
    const fetched = await this.#download(path, kept);
    if (fetched.kind === 'fresh') {
      const { size, lastModified, file } = fetched;
      return { status: 200, size, lastModified, source: 'upstream', body: () => file.read() };
    }
    if (kept && fetched.kind === 'unchanged') return this.#fromDisk(path, 'cache', kept);
    if (kept && fetched.kind === 'failed' && fetched.status === 502) return this.#fromDisk(path, 'stale', kept);
    return fetched.kind === 'failed'
      ? fetched
      : { status: 502, reason: 'upstream said unchanged, and nothing is kept' };
  }

  #fileOf(path: string): string {
    return join(this.#folder, path);
  }

  #noteOf(path: string): string {
    return `${this.#fileOf(path)}.lab-note`;
  }

  async #readNote(path: string): Promise<Kept | null> {
    try {
      await stat(this.#fileOf(path));
      return JSON.parse(await readFile(this.#noteOf(path), 'utf8')) as Kept;
    } catch {
      return null;
    }
  }

  async #fromDisk(path: string, source: 'cache' | 'stale', kept: Kept): Promise<MirrorAnswer> {
    const { size } = await stat(this.#fileOf(path));
    return {
      status: 200,
      size,
      lastModified: kept.lastModified,
      source,
      body: async () => createReadStream(this.#fileOf(path)),
    };
  }

  #download(path: string, kept: Kept | null): Promise<Fetched> {
    const already = this.#running.get(path);
    if (already !== undefined) return already;
    const begun = this.#begin(path, kept);
    const fetched = begun.then((download) => download.fetched);
    this.#running.set(path, fetched);
    // Goes on after the answer, and logs its own failure.
    void this.#finish(path, begun);
    return fetched;
  }

  async #begin(path: string, kept: Kept | null): Promise<Begun> {
    const headers: Record<string, string> = kept?.lastModified ? { 'if-modified-since': kept.lastModified } : {};
    try {
      const response = await this.#upstream.get(new URL(`${this.#base}/${path}`), headers);
      const status = response.statusCode ?? 0;
      if (status === 200) return await this.#keep(path, response);
      response.resume();
      if (status === 304 && kept) return { fetched: { kind: 'unchanged' }, rest: Promise.resolve() };
      return failed([403, 404, 410].includes(status) ? 404 : 502, `upstream answered ${status}`);
    } catch (error) {
      return failed(502, reasonOf(error));
    }
  }

  async #keep(path: string, response: IncomingMessage): Promise<Begun> {
    const final = this.#fileOf(path);
    await mkdir(dirname(final), { recursive: true });
    const file = await GrowingFile.create(`${final}.lab-${randomUUID()}`, final);
    const announced = response.headers['content-length'];
    const size = announced === undefined ? null : Number(announced);
    const lastModified = response.headers['last-modified'] ?? null;
    // The note first: a file without a note is fetched again, a note without a file is ignored.
    const note = (): Promise<void> => writeFile(this.#noteOf(path), JSON.stringify({ lastModified } satisfies Kept));
    return { fetched: { kind: 'fresh', file, size, lastModified }, rest: file.fill(response, size, note) };
  }

  async #finish(path: string, begun: Promise<Begun>): Promise<void> {
    const startedAt = Date.now();
    try {
      const { fetched, rest } = await begun;
      await rest;
      if (fetched.kind === 'failed') this.#log(`mirror: ${path}: ${fetched.reason}`);
      else this.#checkedAt.set(path, Date.now());
      const tookMs = Date.now() - startedAt;
      if (fetched.kind === 'fresh' && tookMs > 5000) this.#log(`mirror: ${path} took ${tookMs} ms`);
    } catch (error) {
      this.#log(`mirror: ${path}: ${reasonOf(error)}`);
    } finally {
      this.#running.delete(path);
    }
  }
}

function failed(status: 404 | 502, reason: string): Begun {
  return { fetched: { kind: 'failed', status, reason }, rest: Promise.resolve() };
}
