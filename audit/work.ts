import { parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '#contracts/reason.ts';
import { Disk } from './disk/device.ts';
import { type Digests, type HashedFile, Hasher } from './hasher.ts';

/** What a worker is asked; places are from the beginning of the disk. */
export type Work = { readonly kind: 'hash'; readonly files: readonly HashedFile[] };

/** In the order of what was asked. */
export type Answer = { readonly kind: 'hash'; readonly digests: readonly Digests[] };

export type WorkerResult =
  | { readonly error: null; readonly answer: Answer }
  | { readonly error: string; readonly answer: null };

/** Serves the main thread until that ends it. */
export function serveWork(): void {
  const { disk: path } = workerData as { disk: string };
  const disk = new Disk(path);
  const hasher = new Hasher(disk);
  const port = parentPort;
  port?.on('message', (work: Work) => {
    try {
      const answer: Answer = { kind: 'hash', digests: work.files.map((file) => hasher.hash(file)) };
      port.postMessage({ error: null, answer } satisfies WorkerResult);
    } catch (error) {
      port.postMessage({ error: reasonOf(error), answer: null } satisfies WorkerResult);
    }
  });
}
