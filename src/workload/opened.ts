import { shellQuote } from '../io/shell-quote.ts';
import type { Repository } from './commands.ts';

/**
 * A secret reaches git through a folder in memory that only this user can read, and that goes when the command ends. It
 * is read from the command's input: never in a URL, a command line, an environment or the repository's configuration.
 */
const FOLDER = '"$ecs_host_git"';

/** Before git runs: a shell of its own, so that nothing of this stays. */
const OPEN = [
  // Of a shell that was killed outright: it could remove nothing itself.
  'find /dev/shm -maxdepth 1 -name "ecs-host-git.*" -user "$(id -u)" -mmin +60 -exec rm -rf {} + 2>/dev/null',
  'umask_before=$(umask)',
  'umask 077',
  'ecs_host_git=$(mktemp -d /dev/shm/ecs-host-git.XXXXXX) || exit 1',
  `trap 'rm -rf ${FOLDER}' EXIT`,
  "trap 'exit 129' HUP",
  "trap 'exit 130' INT",
  "trap 'exit 143' TERM",
  `cat >${FOLDER}/secret`,
] as const;

/** ssh with that key alone, and only to the server whose key is known. */
function withDeployKey(url: string, hostKeys: readonly string[]): string[] {
  const options = [
    ...['IdentitiesOnly=yes', 'IdentityAgent=none', 'PasswordAuthentication=no', 'StrictHostKeyChecking=yes'],
    ...['GlobalKnownHostsFile=/dev/null', 'UserKnownHostsFile=$ecs_host_git/known_hosts', 'BatchMode=yes'],
    ...['ConnectTimeout=20', `User=${new URL(url).username || 'git'}`],
  ];
  return [
    `printf '%s\\n' ${hostKeys.map(shellQuote).join(' ')} >${FOLDER}/known_hosts`,
    `export GIT_SSH_COMMAND="ssh -F /dev/null -i $ecs_host_git/secret ${options.map((each) => `-o ${each}`).join(' ')}"`,
  ];
}

/**
 * A helper that knows the answer for that server alone: submodules elsewhere see nothing of it. By a configuration of
 * the user's own, because git of Ubuntu 20.04 takes none from the environment.
 */
function withToken(url: string): string[] {
  const { origin } = new URL(url);
  const config = `git config --file ${FOLDER}/.gitconfig`;
  const helper = '"!f() { test \\"\\$1\\" = get && cat $ecs_host_git/secret; }; f"';
  return [
    `${config} credential.helper ''`,
    `${config} ${shellQuote(`credential.${origin}.helper`)} ${helper}`,
    `export HOME=${FOLDER} GIT_CONFIG_GLOBAL=${FOLDER}/.gitconfig`,
    'unset XDG_CONFIG_HOME',
  ];
}

/** Pure: the command with what opens the repository around it. What it does with git needs no terminal. */
export function openedCommand({ url, credential }: Repository, command: string): string {
  const plain = `export GIT_TERMINAL_PROMPT=0 && ${command}`;
  if (credential === null) return plain;
  const opening = credential.kind === 'token' ? withToken(url) : withDeployKey(url, credential.hostKeys);
  return ['(', ...OPEN, ...opening, 'umask "$umask_before"', plain, ')'].join('\n');
}

/** Pure: what that command reads, in the form that it wants: a key as a file, a token as git's helpers answer. */
export function openingInput({ credential }: Repository, secret: string | null): string | null {
  if (credential === null || secret === null) return null;
  return credential.kind === 'token'
    ? `username=${credential.user}\npassword=${secret.trim()}\n`
    : `${secret.trim()}\n`;
}
