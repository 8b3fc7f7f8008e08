import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KnownImage } from './images.ts';
import type { KnownTask } from './known-task.ts';

/** Who the agent is registered as. */
export type Identity = {
  readonly cluster: string;
  readonly containerInstanceArn: string;
  readonly clientToken: string;
};

/** What survives a restart of the agent. A cloned checkpoint is why an image must never hold one. */
export type Checkpoint = Identity & {
  /** Of the newest order that was taken. */
  readonly sequence: number;
  readonly tasks: readonly KnownTask[];
  readonly images: readonly KnownImage[];
};

const NAME = 'agent.db';

export async function readCheckpoint(folder: string): Promise<Checkpoint | null> {
  try {
    return JSON.parse(await readFile(join(folder, NAME), 'utf8')) as Checkpoint;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Writes one after the other, so that the last one asked for is the one that stays. */
export class CheckpointFile {
  readonly #folder: string;
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param take asked when its turn has come */
  write(take: () => Checkpoint): Promise<void> {
    const written = this.#last.catch(() => undefined).then(() => this.#write(take()));
    this.#last = written;
    return written;
  }

  async #write(checkpoint: Checkpoint): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, NAME);
    await writeFile(`${file}.partial`, JSON.stringify(checkpoint), { mode: 0o600 });
    await rename(`${file}.partial`, file);
  }
}
