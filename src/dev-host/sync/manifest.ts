import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { userError } from '../../io/errors.ts';
import { list, NUMBER, object, shapeCheck, TEXT } from '../../io/shape.ts';
import { writeWhole } from '../../io/write-whole.ts';
import { processStart } from '../../run/owner.ts';
import { devHostsFolder } from '../key.ts';
import type { Base } from './compare.ts';
import type { BytePath, Entry } from './entry.ts';

/** Which folder here is synced with which there; the host by its instance, since a name comes again. */
export type Pair = { readonly instanceId: string; readonly folder: string; readonly to: string };

type Written = Pair & { readonly version: 1; readonly entries: readonly (readonly [BytePath, Entry, Entry])[] };

const ENTRY = object({ kind: { enum: ['file', 'link', 'folder'] } });
const WRITTEN = object({
  version: NUMBER,
  instanceId: TEXT,
  folder: TEXT,
  to: TEXT,
  entries: list({ type: 'array', prefixItems: [TEXT, ENTRY, ENTRY], minItems: 3 }),
});

function fileOf({ instanceId, folder, to }: Pair): string {
  const id = createHash('sha256')
    .update(JSON.stringify([instanceId, folder, to]))
    .digest('hex')
    .slice(0, 16);
  return join(devHostsFolder(), 'sync', `${instanceId}-${id}.json`);
}

/** What was the same when it was synced last. One that cannot be used is none: then nothing is deleted. */
export async function readBase(pair: Pair): Promise<Base> {
  try {
    const written = JSON.parse(await readFile(fileOf(pair), 'utf8')) as Written;
    if (shapeCheck(WRITTEN)(written) !== null || written.version !== 1) return new Map();
    return new Map(written.entries.map(([path, here, there]) => [path, { here, there }]));
  } catch {
    return new Map();
  }
}

export async function writeBase(pair: Pair, base: Base): Promise<void> {
  const entries = [...base].map(([path, { here, there }]) => [path, here, there] as const);
  const written: Written = { version: 1, ...pair, entries };
  await writeWhole(fileOf(pair), `${JSON.stringify(written)}\n`);
}

async function holderOf(lock: string): Promise<number | null> {
  const [pid = '', start = ''] = (await readFile(lock, 'utf8').catch(() => '')).split(' ');
  return processStart(Number(pid)) === start && start !== '' ? Number(pid) : null;
}

/**
 * Two that sync the same would take each other's work for changes.
 *
 * @throws EcsHostError `SYNC_BUSY` (user)
 */
export async function lockPair(pair: Pair): Promise<AsyncDisposable> {
  const lock = `${fileOf(pair)}.lock`;
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 });
  const holder = await holderOf(lock);
  if (holder !== null)
    throw userError(
      'SYNC_BUSY',
      `Process ${holder} syncs ${pair.folder} with this host already.`,
      'end that one first',
    );
  await rm(lock, { force: true });
  const file = await open(lock, 'wx');
  await file.writeFile(`${process.pid} ${processStart(process.pid) ?? ''}`);
  await file.close();
  return { [Symbol.asyncDispose]: () => rm(lock, { force: true }) };
}
