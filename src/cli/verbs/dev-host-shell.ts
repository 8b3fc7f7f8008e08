import { assertRunning, connectDevHost } from '../../dev-host/reach.ts';
import { assertTerminal, execute, openShell } from '../../dev-host/shell.ts';
import type { HandedOver } from '../../host-access/hand-over.ts';
import { sshNeeds } from '../../host-access/needs.ts';
import type { OpenSsh } from '../../host-access/ssh.ts';
import { userError } from '../../io/errors.ts';
import { requirePrograms } from '../../io/programs.ts';
import { type Argv, listOf, silently, textOf } from '../arguments.ts';
import { withDevHost } from '../dev-host.ts';
import { withSession } from '../session.ts';

/** Finds the host first; then the frame of a session is gone, and Ctrl-C belongs to what runs there. */
async function onHost(argv: Argv, work: (ssh: OpenSsh) => Promise<HandedOver>): Promise<number> {
  await using ssh = await withSession(silently(argv), (session) =>
    withDevHost(session, argv, async (host) => {
      assertRunning(host);
      await requirePrograms(sshNeeds(host.transport));
      return connectDevHost(host, session.signal);
    }),
  );
  const { exitCode } = await work(ssh);
  return exitCode;
}

/** `ecs-host dev-host connect [name]`. */
export async function connect(argv: Record<string, unknown>): Promise<number> {
  assertTerminal();
  return onHost(argv, openShell);
}

/** `ecs-host dev-host exec [name] -- command`. */
export async function exec(argv: Record<string, unknown>): Promise<number> {
  const words = listOf(argv, 'command') ?? [];
  const name = textOf(argv, 'name') ?? 'NAME';
  if (words.length === 0)
    throw userError(
      'USAGE',
      'No command was given.',
      `it stands behind --: \`ecs-host dev-host exec ${name} -- COMMAND\``,
    );
  return onHost(argv, (ssh) => execute(ssh, words));
}
