import { realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OpenSsh } from '../../host-access/ssh.ts';
import { outsideError, userError } from '../../io/errors.ts';
import type { RunContext } from '../../io/reporter.ts';
import { shellQuote } from '../../io/shell-quote.ts';
import type { DevHost } from '../dev-host.ts';
import type { BytePath, SideName } from './entry.ts';
import { lockPair, type Pair, readBase, writeBase } from './manifest.ts';
import { type Outcome, syncRound } from './round.ts';
import { Side, shellHere, shellThere } from './side.ts';

export type SyncWish = {
  readonly host: DevHost;
  /** Absolute. */
  readonly folder: string;
  /** As it was typed, or the folder's own name. */
  readonly to: string;
  readonly prefer: SideName | null;
  readonly isDry: boolean;
};

/** @throws EcsHostError `SYNC_FOLDER` (user) */
export async function findFolder(typed: string): Promise<string> {
  const folder = await realpath(typed);
  if (!(await stat(folder)).isDirectory())
    throw userError('SYNC_FOLDER', `${typed} is a file.`, 'name the folder that it is in');
  if (folder === '/') throw userError('SYNC_FOLDER', 'The whole machine is not synced.', 'name a folder in it');
  return folder;
}

/** Pure: where a folder goes when nothing else is said. `~/src` is below the home, as it is without the `~/`. */
export function targetFolder(folder: string, typed: string | null): string {
  const to = (typed ?? basename(folder)).replace(/^~(?=\/|$)/, '.').replace(/^\.\//, '');
  if (typed === null || !/^[./]*$/.test(to)) return to;
  throw userError(
    'SYNC_FOLDER',
    `"${typed}" is not synced as a whole.`,
    'name a folder below the home, such as --to src',
  );
}

/** A line that brings rsync, makes the folder and says its path; to look only, it changes nothing. */
function prepareLine(to: string, isDry: boolean): string {
  const folder = shellQuote(to);
  const path = `case ${folder} in /*) echo ${folder};; *) echo "$PWD"/${folder};; esac`;
  const install = 'sudo -n sh -c "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qqy install rsync"';
  const steps = isDry
    ? [`(cd -- ${folder} 2>/dev/null && pwd -P || ${path})`]
    : [
        `command -v rsync >/dev/null || ${install} >/dev/null || exit 67`,
        `(mkdir -p -- ${folder} && cd -- ${folder} && pwd -P) || exit`,
      ];
  return [...steps, 'cd && pwd -P'].join('\n');
}

/** @returns the path of the folder there */
async function prepareThere(ssh: OpenSsh, to: string, isDry: boolean): Promise<string> {
  const { exitCode, stdout, stderr } = await ssh.run(prepareLine(to, isDry), { timeoutMs: 180_000 });
  if (exitCode === 67) throw outsideError('SYNC_FAILED', 'rsync could not be installed there.', undefined, stderr);
  if (exitCode !== 0) throw userError('SYNC_FOLDER', `${to} cannot be a folder there: ${stderr.trim()}.`, 'see --to');
  const [root = '', home = ''] = stdout.split('\n');
  if (root === home || root === '/') throw userError('SYNC_FOLDER', `${root} is not synced as a whole.`, 'see --to');
  return root;
}

/** What stays between rounds over one connection. */
export type Syncing = {
  readonly next: (prefer: SideName | null, progress: (text: string) => void) => Promise<Outcome>;
  /** Whether git ignored this folder in the last round. */
  readonly isIgnored: (path: BytePath) => boolean;
};

/** Over one connection: each `next` is a round, and remembers what is the same from then on. */
export async function startSync(ssh: OpenSsh, wish: SyncWish, ctx: Pick<RunContext, 'signal'>): Promise<Syncing> {
  const { host, folder, isDry } = wish;
  const root = await prepareThere(ssh, wish.to, isDry);
  const pair: Pair = { instanceId: host.instanceId, folder, to: root };
  const sides = {
    here: new Side('here', folder, shellHere(ctx.signal)),
    there: new Side('there', root, shellThere(ssh)),
  };
  const way = { shell: ssh.remoteShell, destination: ssh.destination };
  const pruned = new Set<BytePath>();
  return {
    isIgnored: (path) => pruned.has(path),
    next: async (prefer, progress) => {
      const base = await readBase(pair);
      const round = { sides, way, base, prefer, isDry, signal: ctx.signal, progress, pruned };
      const outcome = await syncRound(round);
      const hasNews =
        outcome.base.size !== base.size || [...outcome.base].some(([path, both]) => base.get(path) !== both);
      if (!isDry && hasNews) await writeBase(pair, outcome.base);
      return outcome;
    },
  };
}

/** Held by whoever syncs, over all its connections. @throws EcsHostError `SYNC_BUSY` (user) */
export function lockSync({ host, folder, to }: SyncWish): Promise<AsyncDisposable> {
  return lockPair({ instanceId: host.instanceId, folder, to: join('~', to) });
}
