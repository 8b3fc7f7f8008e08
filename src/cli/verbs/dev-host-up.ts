import { volumeGiBOf } from '../../config/root-volume.ts';
import { DEFAULT_IDLE_MINUTES, DEFAULT_TTL_MINUTES, type DevHost } from '../../dev-host/dev-host.ts';
import { listDevHosts } from '../../dev-host/find.ts';
import { readPublicKeys } from '../../dev-host/key.ts';
import { MOST_MINUTES } from '../../dev-host/lifecycle.ts';
import { devCommand, readyLines } from '../../dev-host/lines.ts';
import { checkNames, freeName } from '../../dev-host/name.ts';
import { findSource } from '../../dev-host/source.ts';
import { bringUp, nameTaken } from '../../dev-host/up.ts';
import { sshNeeds } from '../../host-access/needs.ts';
import { assertImageId } from '../../image/image-store.ts';
import { userError } from '../../io/errors.ts';
import { requirePrograms } from '../../io/programs.ts';
import { resultWidth } from '../../io/text.ts';
import { priceOf } from '../../plan/price.ts';
import { transportOf } from '../../plan/resolve.ts';
import { type Argv, listOf, textOf } from '../arguments.ts';
import { type DevRegion, withDevRegion } from '../dev-host.ts';
import { printEvent } from '../json.ts';
import { makePlan } from '../make-plan.ts';
import { minutesOf } from '../minutes.ts';
import { type Session, withSession } from '../session.ts';

const MOST_IDLE_MINUTES = 24 * 60;

export type UpWish = {
  readonly names: readonly string[];
  readonly fromBase: boolean;
  readonly imageId: string | null;
  readonly ttlMinutes: number;
  readonly idleMinutes: number;
  readonly authorizedKeys: readonly string[];
};

/** What was asked for, before anything is started. */
export async function upWishOf(argv: Argv): Promise<UpWish> {
  const names = (argv['names'] as readonly string[] | undefined) ?? [];
  checkNames(names);
  const imageId = textOf(argv, 'image');
  if (imageId !== null) assertImageId(imageId);
  const fromBase = argv['fromBase'] === true;
  if (fromBase && imageId !== null)
    throw userError('USAGE', '--from-base and --image were both given.', 'leave one of them out');
  const files = listOf(argv, 'authorize') ?? [];
  return {
    names,
    fromBase,
    imageId,
    ttlMinutes: minutesOf(argv, 'ttl', { fallback: DEFAULT_TTL_MINUTES, least: 10, most: MOST_MINUTES }),
    idleMinutes: minutesOf(argv, 'idle', { fallback: DEFAULT_IDLE_MINUTES, least: 0, most: MOST_IDLE_MINUTES }),
    authorizedKeys: (await Promise.all(files.map(readPublicKeys))).flat(),
  };
}

/** Brings up what was asked for; also for verbs that need a host where there is none. */
export async function bringUpHosts(session: Session, region: DevRegion, wish: UpWish): Promise<DevHost[]> {
  const { clients, user, selection, stayFor } = region;
  await requirePrograms(sshNeeds(transportOf(selection.profile)));
  const mine = await listDevHosts(clients, region);
  const taken = mine.find(({ name }) => wish.names.includes(name));
  if (taken !== undefined) throw nameTaken(taken);
  const names = wish.names.length > 0 ? wish.names : [freeName(mine.map(({ name }) => name))];
  const { plan, bundle } = await session.span('plan', () => makePlan(session, region));
  const source = await findSource(clients, plan, wish, session.reporter);
  return bringUp({ ...wish, ctx: session, clients, plan, bundle, source, user, names, stayFor });
}

/** What is told of hosts that are ready: lines for people, a document for programs. */
export function readyResult(hosts: readonly DevHost[], { endpointUrl, selection, args }: DevRegion) {
  const isLab = endpointUrl !== null;
  const sizeGiB = volumeGiBOf(selection.profile);
  const about = { region: args.region, isLab, sizeGiB, width: resultWidth() };
  const commands = (name: string) =>
    Object.fromEntries(
      ['connect', 'sync', 'stream', 'destroy'].map((verb) => [verb, devCommand(verb, name, args.region)]),
    );
  return {
    devHosts: hosts.map((host) => ({
      ...host,
      price: priceOf({ ...host, isLab, sizeGiB }),
      commands: commands(host.name),
    })),
    lines: hosts.flatMap((host, at) => [...(at > 0 ? [''] : []), ...readyLines(host, about)]),
  };
}

/** `ecs-host dev-host up [names..]`. */
export async function up(argv: Record<string, unknown>): Promise<number> {
  const wish = await upWishOf(argv);
  return withSession(argv, async (session) => {
    const { devHosts, lines } = await withDevRegion(session, argv, async (region) =>
      readyResult(await bringUpHosts(session, region, wish), region),
    );
    await session.reporter.close();
    printEvent(argv['json'] === true, { type: 'result', devHosts }, lines);
    return 0;
  });
}
