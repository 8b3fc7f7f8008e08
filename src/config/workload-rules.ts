import type { Profile } from './hosts-config.ts';
import type { ProfileRule } from './rule.ts';

type Workload = Partial<Profile['workload']>;

/** What says something about a repository, and nothing about a folder. */
const OF_REPOSITORY = ['ref', 'submoduleRefs', 'credential'] as const;

function hostOf(url: string | undefined): string {
  return /^\w+:\/\/(?:[^/@]*@)?([^/:]+)/.exec(url ?? '')?.[1] ?? '';
}

function credentialOf(workload: Workload | undefined): NonNullable<Workload['credential']> | null {
  return workload?.repository === undefined ? null : (workload.credential ?? null);
}

/** Rules about where the developer's workload comes from. */
export const WORKLOAD_RULES: readonly ProfileRule[] = [
  {
    code: 'WORKLOAD_SOURCE',
    severity: 'error',
    title: 'The workload has a `repository` or a `folder`, and not both.',
    check: ({ workload }) => {
      if (workload === undefined || (workload.repository === undefined) !== (workload.folder === undefined))
        return null;
      const hasBoth = workload.repository !== undefined;
      return {
        key: hasBoth ? ['workload', 'folder'] : ['workload'],
        reason: hasBoth ? 'a repository is named as well' : 'it names neither a repository nor a folder',
        hint: 'repository and ref for what is cloned, folder for what is carried from this machine',
      };
    },
  },
  {
    code: 'WORKLOAD_REF_MISSING',
    severity: 'error',
    title: 'A `repository` needs a `ref`.',
    check: ({ workload }) =>
      workload?.repository !== undefined && workload.ref === undefined
        ? {
            key: ['workload', 'repository'],
            reason: 'there is no ref',
            hint: 'name a branch, tag or commit: ref: main',
          }
        : null,
  },
  {
    code: 'WORKLOAD_OF_REPOSITORY',
    severity: 'error',
    title: '`ref`, `submoduleRefs` and `credential` belong to a `repository`.',
    check: ({ workload }) => {
      if (workload?.folder === undefined || workload.repository !== undefined) return null;
      const reason = 'it means nothing where a folder is carried';
      return OF_REPOSITORY.filter((name) => workload[name] !== undefined).map((name) => ({
        key: ['workload', name],
        reason,
        hint: 'remove it, or name a repository in place of the folder',
      }));
    },
  },
  {
    code: 'CREDENTIAL_SOURCE',
    severity: 'error',
    title: 'A credential names a `secret` or a `parameter`, and not both.',
    check: ({ workload }) => {
      const credential = credentialOf(workload);
      if (credential === null || (credential.secret === undefined) !== (credential.parameter === undefined))
        return null;
      return {
        key: ['workload', 'credential'],
        reason: credential.secret === undefined ? 'it does not say where the secret is' : 'it names two places',
        hint: 'secret: a name in Secrets Manager, or parameter: a name in Parameter Store',
      };
    },
  },
  {
    code: 'CREDENTIAL_KIND',
    severity: 'error',
    title: 'A deploy key goes with an `ssh://` URL, a token with `https://` (or a private address).',
    check: ({ workload }) => {
      const credential = credentialOf(workload);
      if (credential === null) return null;
      const scheme = workload?.repository?.split(':')[0] ?? '';
      const fits = credential.kind === 'deploy-key' ? scheme === 'ssh' : scheme === 'https' || scheme === 'http';
      if (fits) return null;
      return {
        key: ['workload', 'credential', 'kind'],
        reason: `a ${credential.kind} opens no ${scheme}:// URL`,
        hint:
          credential.kind === 'deploy-key'
            ? 'write the URL as ssh://github.com/owner/name.git (the user git is added)'
            : 'write the URL with https://, or use a deploy-key',
      };
    },
  },
  {
    code: 'HOST_KEYS_MISSING',
    severity: 'error',
    title: 'A deploy key for another server than github.com needs its `hostKeys`.',
    check: ({ workload }) => {
      const credential = credentialOf(workload);
      const host = hostOf(workload?.repository);
      if (credential?.kind !== 'deploy-key' || host === 'github.com' || credential.hostKeys !== undefined) return null;
      return {
        key: ['workload', 'credential'],
        reason: `nothing says which key ${host} has, so anybody could answer in its place`,
        hint: `hostKeys: what \`ssh-keyscan -t ed25519 ${host}\` prints, compared with what its owner publishes`,
      };
    },
  },
];
