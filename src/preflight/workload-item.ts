import type { AwsClients } from '../aws/clients.ts';
import { EcsHostError } from '../io/errors.ts';
import { carriedFiles } from '../workload/carried-folder.ts';
import type { Repository } from '../workload/commands.ts';
import { lookAtRepository } from '../workload/look.ts';
import { type Look, missing, ok, type Result } from './look.ts';
import type { Subject } from './subject.ts';

type ReadSecret = AwsClients['readSecret'];

/** What a repository is opened with, or why it cannot be. */
async function openingOf({ credential }: Repository, readSecret: ReadSecret): Promise<string | null | Result> {
  if (credential === null) return null;
  try {
    return await readSecret(credential);
  } catch (error) {
    if (!(error instanceof EcsHostError)) throw error;
    return missing(error.message.replace(/\.$/, ''), error.hint ?? 'correct workload.credential in the profile');
  }
}

async function lookAt(repository: Repository, readSecret: ReadSecret): Promise<Result> {
  const secret = await openingOf(repository, readSecret);
  if (secret !== null && typeof secret !== 'string') return secret;
  const found = await lookAtRepository({ repository }, secret);
  switch (found.outcome) {
    case 'found':
      return ok(`it answers, and has the ${found.as} ${repository.ref}`);
    case 'unseen':
      return ok(`it answers; whether it has ${repository.ref} only the clone shows`);
    case 'ref-missing':
      return missing(`it has no ${found.ref}`, 'correct workload.ref in the profile');
    case 'unreachable':
      return missing(found.reason, 'correct workload.repository in the profile, or give a workload.credential');
    default:
      throw new Error(`a repository is not ${found.outcome}`);
  }
}

/** The developer's workload, as an instance will get it. */
export function workloadLook({ workload: { repository, folder } }: Subject, readSecret: ReadSecret): Look {
  if (repository !== null)
    return {
      name: "the workload's repository",
      needed: `${repository.url} at ${repository.ref}`,
      look: () => lookAt(repository, readSecret),
    };
  return {
    name: "the workload's folder",
    needed: folder ?? '',
    look: async () => {
      try {
        return ok(`${(await carriedFiles(folder ?? '')).length} files are carried`);
      } catch (error) {
        if (!(error instanceof EcsHostError)) throw error;
        return missing(error.message.replace(/\.$/, ''), 'correct workload.folder in the profile');
      }
    },
  };
}
