import type { HandedOver } from '../host-access/hand-over.ts';
import type { OpenSsh } from '../host-access/ssh.ts';
import { userError } from '../io/errors.ts';
import { shellQuote } from '../io/shell-quote.ts';
import { FOLDER } from '../workload/commands.ts';

/** The login shell, where the work is. */
const LOGIN_SHELL = `cd ${FOLDER} 2>/dev/null; exec "\${SHELL:-/bin/sh}" -l`;

/**
 * Pure: a line for whatever login shell there is, which runs a program with exactly these arguments; one word alone is
 * a line for a shell, as ssh takes it. The shell around it outlives Ctrl-C, so that a command that a signal ends has an
 * exit code (130) and not ssh's 255.
 */
export function execLine(words: readonly string[]): string {
  const what = words.length === 1 ? 'eval "$1"' : '"$@"';
  return ['exec', 'sh', '-c', `trap : INT QUIT; ${what}; exit $?`, 'sh', ...words].map(shellQuote).join(' ');
}

/** @throws EcsHostError `TERMINAL_MISSING` (user) */
export function assertTerminal({ stdin, stdout }: Pick<NodeJS.Process, 'stdin' | 'stdout'> = process): void {
  if (stdin.isTTY === true && stdout.isTTY === true) return;
  throw userError(
    'TERMINAL_MISSING',
    'A shell needs a terminal, and there is none here.',
    '`ecs-host dev-host exec NAME -- COMMAND` runs one command, with pipes',
  );
}

/** An interactive login shell, in the repository where it is there. */
export function openShell(ssh: OpenSsh): Promise<HandedOver> {
  return ssh.handOver(LOGIN_SHELL, { isTerminal: true });
}

/** One command, in the home of the login user; with a terminal where this program has one on both sides. */
export function execute(ssh: OpenSsh, words: readonly string[]): Promise<HandedOver> {
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  return ssh.handOver(execLine(words), { isTerminal });
}
