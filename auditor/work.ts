import { parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '#contracts/reason.ts';
import type { Piece } from './bytes.ts';
import { Disk } from './disk/device.ts';
import { Window } from './disk/window.ts';
import { type Digests, type HashedFile, Hasher } from './hasher.ts';
import { type Found, SecretSearch } from './secrets/search.ts';

/** Bytes to be searched; with a path the content of a file, else what belongs to none. */
export type Area = { readonly pieces: readonly Piece[]; readonly path: string | null };

/** What a worker is asked; places are from the beginning of the disk. */
export type Work =
  | { readonly kind: 'hash'; readonly files: readonly HashedFile[] }
  | { readonly kind: 'search'; readonly areas: readonly Area[] };

/** In the order of what was asked. */
export type Answer =
  | { readonly kind: 'hash'; readonly digests: readonly Digests[] }
  | { readonly kind: 'search'; readonly found: readonly (readonly Found[])[] };

export type WorkerResult =
  | { readonly error: null; readonly answer: Answer }
  | { readonly error: string; readonly answer: null };

class Server {
  readonly #window: Window;
  readonly #hasher: Hasher;
  #search: SecretSearch | null = null;

  constructor(disk: Disk) {
    this.#window = new Window(disk);
    this.#hasher = new Hasher(this.#window);
  }

  answer(work: Work): Answer {
    if (work.kind === 'hash') return { kind: 'hash', digests: work.files.map((file) => this.#hasher.hash(file)) };
    this.#search ??= new SecretSearch();
    const search = this.#search;
    return { kind: 'search', found: work.areas.map((area) => this.#found(search, area)) };
  }

  #found(search: SecretSearch, { pieces, path }: Area): readonly Found[] {
    const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
    return search.search({ bytes, path, fill: (target, from) => this.#window.fill(target, pieces, from) });
  }
}

/** Serves the main thread until that ends it. */
export function serveWork(): void {
  const { disk } = workerData as { disk: string };
  const server = new Server(new Disk(disk));
  const port = parentPort;
  port?.on('message', (work: Work) => {
    try {
      port.postMessage({ error: null, answer: server.answer(work) } satisfies WorkerResult);
    } catch (error) {
      port.postMessage({ error: reasonOf(error), answer: null } satisfies WorkerResult);
    }
  });
}
