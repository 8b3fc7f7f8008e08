import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findCredentials } from '../aws/clients.ts';
import { loadConfig } from '../config/load.ts';
import type { DevHost } from '../dev-host/dev-host.ts';
import { findDevHost, listDevHosts, pickDevHosts } from '../dev-host/find.ts';
import { findUser } from '../dev-host/user.ts';
import { userError } from '../io/errors.ts';
import { projectFolder } from '../io/paths.ts';
import { runningLab } from '../lab-client/lab-process.ts';
import { select } from '../plan/resolve.ts';
import { type Argv, textOf } from './arguments.ts';
import { type Connection, withConnection } from './connect.ts';
import { type CommonArguments, commonArguments, type Session } from './session.ts';

/** A region as a verb of dev hosts meets it: its API, and whose hosts are meant. */
export type DevRegion = Connection & { readonly user: string; readonly args: CommonArguments };

/**
 * A developer stands in the folder of their work, not in the checkout of this project: where nothing says otherwise,
 * its hosts.yaml is meant.
 */
function devArguments(argv: Argv): CommonArguments {
  const args = commonArguments(argv);
  if (textOf(argv, 'config') !== null || existsSync(args.configFile)) return args;
  return { ...args, configFile: join(projectFolder(), args.configFile) };
}

/** At the API of the region, which a lab that is down is started for. */
export function withDevRegion<T>(session: Session, argv: Argv, work: (region: DevRegion) => Promise<T>): Promise<T> {
  const args = devArguments(argv);
  return withConnection(session, args, async (connection) => {
    const user = await findUser(connection, await findCredentials(connection));
    return work({ ...connection, user, args });
  });
}

/** Whether the region is a lab that is down: no dev host lives there, and none has to be looked for. */
async function isLabDown(args: CommonArguments): Promise<boolean> {
  const { config, file } = await loadConfig(args.configFile);
  const { region } = select(config, args, file);
  return region.lab === true && (process.env['AWS_ENDPOINT_URL'] ?? '') === '' && (await runningLab()) === null;
}

/** The same, but a lab that is down is not started to say that nothing is there. @returns null then */
export async function withDevRegionIfUp<T>(
  session: Session,
  argv: Argv,
  work: (region: DevRegion) => Promise<T>,
): Promise<T | null> {
  return (await isLabDown(devArguments(argv))) ? null : withDevRegion(session, argv, work);
}

export function noneHere(): Error {
  return userError(
    'DEV_HOST_UNKNOWN',
    'You have no dev host here: the lab is down.',
    '`ecs-host dev-host up` brings one up',
  );
}

/** One host, by the word that names it or because it is the only one. */
export async function withDevHost<T>(
  session: Session,
  argv: Argv,
  work: (host: DevHost, region: DevRegion) => Promise<T>,
): Promise<T> {
  const done = await withDevRegionIfUp(session, argv, async (region) => {
    const host = await findDevHost(region.clients, { ...region, name: textOf(argv, 'name') });
    return { result: await work(host, region) };
  });
  if (done === null) throw noneHere();
  return done.result;
}

/** Those that were named, or all of the user's with --all. */
export async function withDevHosts<T>(
  session: Session,
  argv: Argv,
  work: (hosts: readonly DevHost[], region: DevRegion) => Promise<T>,
): Promise<T> {
  const names = (argv['names'] as readonly string[] | undefined) ?? [];
  const all = argv['all'] === true;
  if (all && names.length > 0)
    throw userError('USAGE', 'Names and --all were both given.', 'give the names, or --all for every one of yours');
  const done = await withDevRegionIfUp(session, argv, async (region) => {
    const hosts = await listDevHosts(region.clients, region);
    return { result: await work(all ? hosts : pickDevHosts(hosts, names), region) };
  });
  if (done === null) throw noneHere();
  return done.result;
}
