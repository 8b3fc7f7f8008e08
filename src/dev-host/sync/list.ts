import { shellQuote } from '../../io/shell-quote.ts';
import type { BytePath, Entry } from './entry.ts';

/** What a sync keeps in the folder while it works; never synced. */
export const WORK_FOLDER = '.ecs-host-sync';

/** How the script ends when the folder is not there. */
export const NO_FOLDER = 66;

/** What `find` saw: what may be synced, and what it did not enter. */
export type Seen = {
  readonly entries: Map<BytePath, Entry>;
  /** Folders (and files named .git) that were not looked into. */
  readonly pruned: BytePath[];
  /** Sockets, pipes and devices. */
  readonly others: BytePath[];
};

/** `-path` takes patterns. */
function literally(path: BytePath): string {
  return path.replace(/[\\*?[]/g, '\\$&');
}

const FORM = '%y %s %T@ %m\\0%P\\0%l\\0';

/** Pure: a script, in bytes, that lists a folder. The same on both sides, so that they mean the same. */
export function listScript(root: BytePath, prune: Iterable<BytePath>): BytePath {
  const kept = [
    '-name .git',
    `-name ${WORK_FOLDER}`,
    ...Array.from(prune, (path) => `-path ${shellQuote(`./${literally(path)}`)}`),
  ];
  return [
    `cd -- ${shellQuote(root)} || exit ${NO_FOLDER}`,
    `LC_ALL=C exec find . -mindepth 1 \\( ${kept.join(' -o ')} \\) -prune -printf 'P${FORM}' -o -printf '${FORM}'`,
    '',
  ].join('\n');
}

function entryOf(about: string, to: string): Entry | null {
  const [kind, size = '', time = '', mode = ''] = about.split(' ');
  if (kind === 'd') return { kind: 'folder' };
  if (kind === 'l') return { kind: 'link', to };
  if (kind !== 'f') return null;
  const isExecutable = (Number.parseInt(mode, 8) & 0o100) !== 0;
  return { kind: 'file', size: Number(size), time: time.replace(/\.?0+$/, ''), isExecutable };
}

/** Pure: what the script prints. */
export function parseList(text: string): Seen {
  const fields = text.split('\0');
  const seen: Seen = { entries: new Map(), pruned: [], others: [] };
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [about = '', path = '', to = ''] = fields.slice(at, at + 3);
    if (about.startsWith('P')) {
      seen.pruned.push(path);
      continue;
    }
    const entry = entryOf(about, to);
    if (entry === null) seen.others.push(path);
    else seen.entries.set(path, entry);
  }
  return seen;
}

/** Pure: folders that could not be read, from what `find` complains of; what vanished while it looked is no matter. */
export function parseComplaints(stderr: string): { readonly unreadable: BytePath[]; readonly rest: string[] } {
  const unreadable: BytePath[] = [];
  const rest: string[] = [];
  for (const line of stderr.split('\n').filter((each) => each !== '')) {
    const [, path, why = ''] = /^find: '\.\/(.*)': (.*)$/.exec(line) ?? [];
    if (/No such file or directory$/.test(line)) continue;
    if (path !== undefined && why === 'Permission denied') unreadable.push(path);
    else rest.push(line);
  }
  return { unreadable, rest };
}
