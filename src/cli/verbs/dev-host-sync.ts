import { findDevHost } from '../../dev-host/find.ts';
import { keepConnected } from '../../dev-host/keep-connected.ts';
import { assertRunning, connectDevHost } from '../../dev-host/reach.ts';
import { bytesOf, type SideName } from '../../dev-host/sync/entry.ts';
import { conflictDetails, outcomeLines, remarks, summary } from '../../dev-host/sync/report.ts';
import type { Outcome } from '../../dev-host/sync/round.ts';
import {
  findFolder,
  lockSync,
  type Syncing,
  type SyncWish,
  startSync,
  targetFolder,
} from '../../dev-host/sync/sync.ts';
import { RSYNC } from '../../dev-host/sync/transfer.ts';
import { Wakes } from '../../dev-host/sync/watch.ts';
import { sshNeeds } from '../../host-access/needs.ts';
import { outsideError, userError } from '../../io/errors.ts';
import { inPath, requirePrograms } from '../../io/programs.ts';
import { type Argv, quietly, textOf } from '../arguments.ts';
import { type DevRegion, withDevHost } from '../dev-host.ts';
import { printEvent } from '../json.ts';
import { commonArguments, type Session, withSession } from '../session.ts';

const GIT = inPath('git', 'says what is ignored');

/** A folder has a slash in it or is a dot, a name of a host has not. */
export function splitWords(words: readonly string[]): { readonly name: string; readonly folder: string } {
  const isFolder = (word: string): boolean => word.includes('/') || /^\.+$/.test(word);
  const [first, second, third] = words;
  if (third !== undefined) throw userError('USAGE', `"${third}" is one word too many.`, 'name a host and a folder');
  if (first === undefined) return { name: '', folder: '.' };
  if (second !== undefined) return { name: first, folder: second };
  return isFolder(first) ? { name: '', folder: first } : { name: first, folder: '.' };
}

function preferOf(argv: Argv): SideName | null {
  const prefer = textOf(argv, 'prefer');
  return prefer === 'here' || prefer === 'there' ? prefer : null;
}

/** Says what a round has done, and what has not been said before. */
class Teller {
  readonly #session: Session;
  readonly #json: boolean;
  readonly #said = new Set<string>();

  constructor(session: Session, json: boolean) {
    this.#session = session;
    this.#json = json;
  }

  #note(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#session.reporter.emit({ type: 'note', code: 'SYNC_NOTE', text });
  }

  result(outcome: Outcome, isDry: boolean): void {
    for (const text of remarks(outcome)) this.#note(text);
    const done = [...outcome.done].map(([path, action]) => ({
      path: Buffer.from(path, 'latin1').toString('utf8'),
      ...action,
    }));
    const event = { type: isDry ? 'would-sync' : 'synced', done, conflicts: conflictDetails(outcome) };
    printEvent(this.#json, event, outcomeLines(outcome));
  }

  /** A line a round that did something, and each conflict when it is new. */
  round(outcome: Outcome): void {
    for (const text of remarks(outcome)) this.#note(text);
    for (const { key, reason } of conflictDetails(outcome)) this.#note(`${key}: ${reason}; left alone.`);
    if (outcome.complaint !== '') this.#note(outcome.complaint.trim());
    if (outcome.done.size === 0) return;
    const time = new Date().toTimeString().slice(0, 8);
    printEvent(this.#json, { type: 'synced', time, sum: summary(outcome) }, [`${time}  ${summary(outcome)}`]);
  }
}

function assertDone({ conflicts, failed, complaint }: Outcome, details: ReturnType<typeof conflictDetails>): void {
  if (failed.length > 0)
    throw outsideError('SYNC_FAILED', `${failed.length} could not be carried or removed.`, undefined, complaint);
  if (conflicts.size > 0)
    throw userError(
      'SYNC_CONFLICTS',
      `${conflicts.size === 1 ? 'One path' : `${conflicts.size} paths`} changed on both sides and ${conflicts.size === 1 ? 'was' : 'were'} left alone.`,
      '--prefer here (or there) says whose version is taken; without it, make them the same by hand',
      details,
    );
}

async function once(session: Session, wish: SyncWish, teller: Teller): Promise<void> {
  const outcome = await session.span(`sync ${wish.folder}`, async ({ progress }) => {
    await using ssh = await connectDevHost(wish.host, session.signal);
    const syncing = await startSync(ssh, wish, session);
    return syncing.next(wish.prefer, progress);
  });
  teller.result(outcome, wish.isDry);
  assertDone(outcome, conflictDetails(outcome));
}

/** Rounds until the signal fires; what was preferred counts for the first one alone. */
async function watchOver(session: Session, region: DevRegion, wish: SyncWish, teller: Teller): Promise<void> {
  const lookAgain = () => findDevHost(region.clients, { ...region, name: wish.host.instanceId });
  const { signal, reporter } = session;
  let prefer = wish.prefer;
  let wakes: Wakes | null = null;
  const round = async (syncing: Syncing): Promise<void> => {
    teller.round(await syncing.next(prefer, () => {}));
    prefer = null;
  };
  try {
    await keepConnected({ host: wish.host, lookAgain, reporter, signal }, async (ssh) => {
      const syncing = await startSync(ssh, wish, session);
      for (;;) {
        await round(syncing);
        wakes ??= new Wakes(
          wish.folder,
          (path) => syncing.isIgnored(bytesOf(path)),
          () => {},
        );
        await wakes.next(signal);
      }
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await (wakes as Wakes | null)?.[Symbol.asyncDispose]();
  }
}

/** `ecs-host dev-host sync [name] [folder]`. */
export async function sync(argv: Record<string, unknown>): Promise<number> {
  const words = ((argv['words'] as readonly unknown[] | undefined) ?? []).map(String);
  const { name, folder: typed } = splitWords(words);
  const folder = await findFolder(typed);
  const to = targetFolder(folder, textOf(argv, 'to'));
  const isWatching = argv['watch'] === true;
  const isDry = argv['dryRun'] === true;
  if (isWatching && isDry) throw userError('USAGE', '--watch and --dry-run were both given.', 'leave one of them out');
  const { json } = commonArguments(argv);
  await withSession(
    isWatching ? quietly(argv) : argv,
    (session) =>
      withDevHost(session, { ...argv, name }, async (host, region) => {
        assertRunning(host);
        await requirePrograms([...sshNeeds(host.transport), RSYNC, GIT]);
        const wish: SyncWish = { host, folder, to, prefer: preferOf(argv), isDry };
        await using _lock = await lockSync(wish);
        const teller = new Teller(session, json);
        if (isWatching) await watchOver(session, region, wish, teller);
        else await once(session, wish, teller);
      }),
    { keeps: true },
  );
  return 0;
}
