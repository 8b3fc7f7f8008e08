import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AwsClients } from '../aws/clients.ts';
import { packFolder } from './carried-folder.ts';
import { cloneCommand, FOLDER, type Repository, type Step, type Workload } from './commands.ts';
import { openedCommand, openingInput } from './opened.ts';

/** What is brought to hosts, ready on this machine: a secret that opens the repository, or a packed folder. */
export type Brought =
  | { readonly kind: 'cloned'; readonly repository: Repository; readonly secret: string | null }
  | { readonly kind: 'carried'; readonly tarFile: string; readonly sha256: string };

const CLONE_LIMIT_MS = 10 * 60_000;

/**
 * Reads the secret or packs the folder, before anything is started for it.
 *
 * @param folder of the run, where a packed folder may lie
 * @throws EcsHostError (user) `WORKLOAD_FOLDER`, `SECRET_UNREADABLE`
 */
export async function bringWorkload(
  { repository, folder: carried }: Workload,
  clients: Pick<AwsClients, 'readSecret'>,
  folder: string,
): Promise<Brought> {
  if (repository === null) {
    await mkdir(folder, { recursive: true });
    const tarFile = join(folder, 'workload.tar');
    return { kind: 'carried', tarFile, sha256: await packFolder(carried ?? '', tarFile) };
  }
  const secret = repository.credential === null ? null : await clients.readSecret(repository.credential);
  return { kind: 'cloned', repository, secret };
}

/** Removes the packed folder again: a copy of somebody's files that nobody needs any more. */
export async function dropBrought(brought: Brought): Promise<void> {
  if (brought.kind === 'carried') await rm(brought.tarFile, { force: true });
}

/** Pure: puts the container images into a folder of the host; what was in it before is lost. */
export function bringStep(brought: Brought, folder: string = FOLDER): Step {
  const step = { id: 'clone', timeoutMs: CLONE_LIMIT_MS } as const;
  if (brought.kind === 'carried') {
    const command = `rm -rf ${folder} && mkdir ${folder} && tar --extract --file=- --directory=${folder}`;
    return { ...step, command: `${command} && echo carried, sha256 ${brought.sha256}`, inputFile: brought.tarFile };
  }
  const { repository, secret } = brought;
  const command = openedCommand(repository, cloneCommand(repository, folder));
  const input = openingInput(repository, secret);
  return { ...step, command, ...(input === null ? {} : { input }) };
}
