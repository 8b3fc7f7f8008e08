import { userError } from '../../io/errors.ts';
import { CHANNELS, type Channel } from '../../release/channels.ts';
import { carryOut, type Intent, type Moved } from '../../release/moves.ts';
import { lookEverywhere } from '../../release/place.ts';
import { lookAtPromotion } from '../../release/promote.ts';
import { decideRollbacks, lookAtRollback } from '../../release/rollback.ts';
import { quietly } from '../arguments.ts';
import { printResult } from '../json.ts';
import { regionNames, withPlaces } from '../release-regions.ts';
import { type Session, withSession } from '../session.ts';

function lineOf({ region, profile, channel, outcome, from, to, reason, passedOver }: Moved): string[] {
  const what = `${region.padEnd(12)}${profile} ${channel}: `;
  const said = outcome === 'moved' ? `${from ?? 'nothing'} -> ${to}` : `${outcome}, ${reason}`;
  return [`${what}${said}`, ...passedOver.map((each) => `${' '.repeat(12)}passed over ${each}`)];
}

/** Where nothing at all can be done, that is the mistake. */
function refuseIfNone(intents: readonly Intent[], all: boolean): void {
  const refused = intents.flatMap((intent) =>
    intent.what === 'refused' || intent.what === 'nothing' ? [{ where: intent.place.regionName, ...intent }] : [],
  );
  const blocks = all ? refused.some(({ what }) => what === 'refused') : false;
  if (!blocks && refused.length < intents.length) return;
  throw userError(
    'RELEASE_REFUSED',
    'No pointer was moved.',
    all ? 'name the regions that are ready with --region' : '`ecs-host image list` shows the images of a region',
    refused.map(({ where, reason }) => ({ where, reason })),
  );
}

async function moveAll(session: Session, intents: readonly Intent[]): Promise<readonly Moved[]> {
  session.signal.throwIfAborted();
  const moved = await session.span('move', () => carryOut(intents));
  const failed = moved.filter(({ outcome }) => outcome === 'failed');
  for (const { region, channel, reason } of failed) {
    const text = `The pointer of ${channel} was not moved in ${region}: ${reason}.`;
    session.reporter.emit({ type: 'warning', code: 'POINTER_NOT_MOVED', text, hint: 'the same command finishes it' });
  }
  return moved;
}

function finish(json: boolean, type: string, moved: readonly Moved[]): number {
  printResult(json, { type, moves: moved }, moved.flatMap(lineOf));
  if (moved.some(({ outcome }) => outcome === 'failed')) return 3;
  return moved.some(({ outcome }) => outcome === 'refused') ? 2 : 0;
}

function channelOf(argv: Record<string, unknown>, name: string): Channel {
  const value = argv[name];
  const channel = CHANNELS.find((each) => each === value);
  if (channel === undefined) throw userError('USAGE', `--${name} is no channel.`, `one of: ${CHANNELS.join(', ')}`);
  return channel;
}

/** `ecs-host release promote --from C --to C`: all regions, or none where one of them must not. */
export async function promote(argv: Record<string, unknown>): Promise<number> {
  const channels = { from: channelOf(argv, 'from'), to: channelOf(argv, 'to') };
  if (channels.from === channels.to)
    throw userError('USAGE', '--from and --to are the same channel.', 'name two channels');
  const moved = await withSession(
    quietly(argv),
    (session) =>
      withPlaces(session, argv, regionNames(argv), async (places) => {
        const look = (place: (typeof places)[number]): Promise<Intent> => lookAtPromotion(place, channels);
        const intents = await session.span('look', () => lookEverywhere(places, look));
        refuseIfNone(intents, true);
        return moveAll(session, intents);
      }),
    { keeps: true },
  );
  return finish(argv['json'] === true, 'promotion', moved);
}

/** `ecs-host release rollback --channel C`: wherever there is something to go back to. */
export async function rollback(argv: Record<string, unknown>): Promise<number> {
  const channel = channelOf(argv, 'channel');
  const moved = await withSession(
    quietly(argv),
    (session) =>
      withPlaces(session, argv, regionNames(argv), async (places) => {
        const seen = await session.span('look', () =>
          lookEverywhere(places, (place) => lookAtRollback(place, channel)),
        );
        const intents = decideRollbacks(seen, channel, new Date());
        refuseIfNone(intents, false);
        return moveAll(session, intents);
      }),
    { keeps: true },
  );
  return finish(argv['json'] === true, 'rollback', moved);
}
