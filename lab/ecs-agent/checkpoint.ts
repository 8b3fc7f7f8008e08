import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What survives a restart of the agent: who it is registered as. A cloned checkpoint is why an image must never hold
 * one.
 */
export type Checkpoint = {
  readonly cluster: string;
  readonly containerInstanceArn: string;
  readonly clientToken: string;
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

export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, NAME);
  await writeFile(`${file}.partial`, JSON.stringify(checkpoint), { mode: 0o600 });
  await rename(`${file}.partial`, file);
}
