import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { shellQuote } from '../io/shell-quote.ts';
import type { Repository, Workload } from './commands.ts';
import { openedCommand, openingInput } from './opened.ts';

/** What a look from this machine says of the repository that hosts will clone. */
export type RepositoryLook =
  /** A folder of this machine is carried: there is nothing to reach. */
  | { readonly outcome: 'carried' }
  | { readonly outcome: 'found'; readonly as: 'branch' | 'tag' }
  /** It answers, and a commit is nothing that a server lists: only the clone shows whether it is there. */
  | { readonly outcome: 'unseen' }
  | { readonly outcome: 'ref-missing'; readonly ref: string }
  | { readonly outcome: 'unreachable'; readonly reason: string };

const LIMIT_MS = 4000;
const COMMIT = /^[0-9a-f]{7,64}$/;

type Answer = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

/** Nothing of what opens repositories for whoever runs this: a host has none of it. */
function withoutOwnWays(): NodeJS.ProcessEnv {
  const own = /^(GIT_|SSH_|XDG_CONFIG_HOME$)/;
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name));
  const ssh = 'ssh -F /dev/null -o BatchMode=yes -o IdentityAgent=none -o IdentityFile=/dev/null';
  return {
    ...Object.fromEntries(kept),
    // No .netrc and no helpers.
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_SSH_COMMAND: ssh,
  };
}

/**
 * The shell and all that it started is one group, so that it ends as one, and the shell can still remove the secret.
 */
async function askGit(command: string, input: string | null, limitMs: number): Promise<Answer | null> {
  const env = { ...withoutOwnWays(), GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'true', LC_ALL: 'C' };
  const shell = spawn('sh', ['-c', command], { detached: true, env, stdio: 'pipe' });
  let isLate = false;
  const end = setTimeout(() => {
    isLate = true;
    try {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGTERM');
    } catch {
      // It has just ended.
    }
  }, limitMs);
  const read = async (stream: NodeJS.ReadableStream): Promise<string> => {
    const parts: string[] = [];
    stream.setEncoding('utf8');
    for await (const part of stream) parts.push(String(part));
    return parts.join('');
  };
  try {
    // A shell that reads nothing closes its end.
    shell.stdin.on('error', () => undefined);
    shell.stdin.end(input ?? '');
    const [[exitCode], stdout, stderr] = await Promise.all([
      once(shell, 'close') as Promise<[number | null]>,
      read(shell.stdout),
      read(shell.stderr),
    ]);
    return isLate ? null : { exitCode, stdout, stderr };
  } finally {
    clearTimeout(end);
  }
}

/** Pure: the line in which git says what is wrong. What it says names no secret, because none is in a URL. */
function reasonIn({ exitCode, stderr }: Answer): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  // ssh says why before git says that it was so.
  return (lines.find((line) => !/^Warning/.test(line)) ?? `git ended with ${exitCode}`).trim();
}

/** Pure: what the list of a server's names says of one. */
export function refIn(list: string, ref: string): RepositoryLook {
  const names = new Set(list.split('\n').map((line) => line.split('\t')[1] ?? ''));
  if (names.has(`refs/heads/${ref}`)) return { outcome: 'found', as: 'branch' };
  if (names.has(`refs/tags/${ref}`)) return { outcome: 'found', as: 'tag' };
  return COMMIT.test(ref) ? { outcome: 'unseen' } : { outcome: 'ref-missing', ref };
}

/**
 * Looks from this machine, in seconds, whether the repository answers and has the ref, in the way in which a host will
 * ask: with the same credential, and nobody asked for a name or a password.
 *
 * @param secret the text of the credential, or null for a public repository
 */
export async function lookAtRepository(
  { repository }: Pick<Workload, 'repository'>,
  secret: string | null,
  limitMs: number = LIMIT_MS,
): Promise<RepositoryLook> {
  if (repository === null) return { outcome: 'carried' };
  const { url, ref }: Repository = repository;
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}`].map(shellQuote).join(' ');
  const command = openedCommand(repository, `git ls-remote -- ${shellQuote(url)} ${names}`);
  const answer = await askGit(command, openingInput(repository, secret), limitMs);
  if (answer === null) return { outcome: 'unreachable', reason: `no answer within ${limitMs / 1000} s` };
  if (answer.exitCode !== 0) return { outcome: 'unreachable', reason: reasonIn(answer) };
  return refIn(answer.stdout, ref);
}
