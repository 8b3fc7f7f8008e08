import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DevHost } from '../../dev-host/dev-host.ts';
import { listDevHosts, pickDevHosts } from '../../dev-host/find.ts';
import { type Installed, installQuestion, installSshConfig } from '../../dev-host/install-ssh-config.ts';
import { ensureDevKey } from '../../dev-host/key.ts';
import { hostBlock } from '../../dev-host/ssh-config.ts';
import { userError } from '../../io/errors.ts';
import { type Argv, silently, textOf } from '../arguments.ts';
import { canAsk, confirm, nobodyToAsk } from '../confirm.ts';
import { type DevRegion, noneHere, withDevRegionIfUp } from '../dev-host.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

function hasAddress({ transport, address }: DevHost): boolean {
  return transport === 'session-manager' || address !== null;
}

/** To install without a name is for all of them, and takes away those that are gone. */
async function chooseHosts(
  { clients, user, apiRegion, endpointUrl }: DevRegion,
  name: string | null,
  installs: boolean,
): Promise<Installed> {
  const living = await listDevHosts(clients, { user, apiRegion, endpointUrl });
  const wanted = installs && name === null ? living : pickDevHosts(living, name === null ? [] : [name]);
  const chosen = wanted.filter(hasAddress);
  if (!installs && chosen.length === 0)
    throw userError('DEV_HOST_STATE', 'It has no address now.', '`ecs-host dev-host start` starts one that is stopped');
  return { living, chosen, place: `${endpointUrl === null ? 'aws' : 'lab'} ${apiRegion}` };
}

async function install(installed: Installed, asks: boolean, signal: AbortSignal): Promise<string[]> {
  const folder = join(homedir(), '.ssh');
  if (asks && !(await confirm(await installQuestion(folder), signal)))
    throw userError('NOT_CONFIRMED', 'Nothing was written.', 'answer y, or give --yes');
  return installSshConfig(folder, installed);
}

/** `ecs-host dev-host ssh-config [name]`. */
export async function sshConfig(argv: Argv): Promise<number> {
  const { json } = commonArguments(argv);
  const installs = argv['install'] === true;
  const asks = argv['yes'] !== true;
  if (installs && asks && !canAsk(json)) throw nobodyToAsk('Changing the configuration of ssh');
  const lines = await withSession(
    silently(argv),
    async (session) => {
      const chosen = await withDevRegionIfUp(session, argv, (region) =>
        chooseHosts(region, textOf(argv, 'name'), installs),
      );
      if (chosen === null) throw noneHere();
      await ensureDevKey();
      if (installs) return install(chosen, asks, session.signal);
      return chosen.chosen.flatMap((host) => hostBlock(host, chosen.place).trimEnd().split('\n'));
    },
    { keeps: true },
  );
  printResult(json, { type: installs ? 'installed' : 'ssh-config', lines }, lines);
  return 0;
}
