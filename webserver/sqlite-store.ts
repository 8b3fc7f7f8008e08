import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { Host, HostStore } from './hosts.ts';
import { isInstanceId, type Standing } from './standing-orders.ts';

/** Somebody else may look into the file; a write waits for them for so long. */
const BUSY_MS = 5000;

/**
 * Told of a row that is none of ours: the table, its key, and what is wrong. The row is kept aside, in the table
 * `damaged`.
 */
export type OnDamaged = (table: string, key: string, problem: string) => void;

type Table<T> = { all(): readonly T[]; put(key: string, value: T): void; remove(key: string): void };
type Row = { readonly [name: string]: unknown };

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
function isTextOrNull(value: unknown): value is string | null {
  return value === null || isText(value);
}

/** A host in a row, or what is wrong with it. Fields that are not ours (of older rows) are left out. */
function hostIn(row: Row): Host | string {
  const { instanceId, region, imageId, environment, hostKey, tokenHash, lastSeenMs, heartbeats } = row;
  if (!isText(instanceId) || !isInstanceId(instanceId)) return 'instanceId is none';
  if (!isText(region) || !isText(imageId) || !isText(environment) || !isText(hostKey)) return 'a text is missing';
  if (!isText(tokenHash) || !/^[0-9a-f]{64}$/.test(tokenHash)) return 'tokenHash is none';
  if (!Number.isSafeInteger(lastSeenMs) || !Number.isSafeInteger(heartbeats)) return 'a number is missing';
  return {
    instanceId,
    region,
    imageId,
    environment,
    hostKey,
    tokenHash,
    lastSeenMs: lastSeenMs as number,
    heartbeats: heartbeats as number,
  };
}

function standingIn({ instanceId, drain, revoked, keyHash }: Row): Standing | string {
  if (!isText(instanceId) || !isInstanceId(instanceId)) return 'instanceId is none';
  if (!isTextOrNull(drain) || !isTextOrNull(revoked)) return 'an order is neither a text nor null';
  if (!isTextOrNull(keyHash) || (keyHash !== null && !/^[0-9a-f]{64}$/.test(keyHash))) return 'keyHash is none';
  return { instanceId, drain, revoked, keyHash };
}

function parse<T>(text: string, key: string, read: (row: Row) => T | string): T | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'not an object';
  return (value as Row)['instanceId'] === key ? read(value as Row) : 'not of the instance that it is filed under';
}

/**
 * One table of rows of JSON. What cannot be read is moved to the table `damaged`, told, and keeps nobody from
 * starting.
 */
function openTable<T>(
  database: DatabaseSync,
  [table, column]: readonly [string, string],
  read: (row: Row) => T | string,
  onDamaged: OnDamaged,
  instead: (key: string) => T | null = () => null,
): Table<T> {
  database.exec(`CREATE TABLE IF NOT EXISTS ${table} (instance_id TEXT PRIMARY KEY, ${column} TEXT NOT NULL) STRICT`);
  const put = database.prepare(
    `INSERT INTO ${table} (instance_id, ${column}) VALUES (?, ?) ON CONFLICT (instance_id) DO UPDATE SET ${column} = excluded.${column}`,
  );
  const remove = database.prepare(`DELETE FROM ${table} WHERE instance_id = ?`);
  const all = database.prepare(`SELECT instance_id, ${column} AS text FROM ${table}`);
  const aside = database.prepare('INSERT INTO damaged (of_table, instance_id, row, problem) VALUES (?, ?, ?, ?)');
  return {
    all: () =>
      all.all().flatMap((row) => {
        const [key, text] = [String(row['instance_id']), String(row['text'])];
        const found = parse(text, key, read);
        if (typeof found !== 'string') return [found];
        database.exec('BEGIN IMMEDIATE');
        aside.run(table, key, text, found);
        const other = instead(key);
        if (other === null) remove.run(key);
        else put.run(key, JSON.stringify(other));
        database.exec('COMMIT');
        onDamaged(table, key, found);
        return other === null ? [] : [other];
      }),
    put: (key, value) => {
      put.run(key, JSON.stringify(value));
    },
    remove: (key) => {
      remove.run(key);
    },
  };
}

/** Orders that cannot be read are taken for the strictest there is: a damaged row opens no gate. */
function strictest(instanceId: string): Standing | null {
  return isInstanceId(instanceId)
    ? { instanceId, drain: null, revoked: 'what was ordered of it could not be read', keyHash: null }
    : null;
}

/** Before orders had a table of their own, a host's row said what was ordered of it. */
function takeOverOldOrders(database: DatabaseSync, standing: Table<Standing>): void {
  const known = new Set(standing.all().map(({ instanceId }) => instanceId));
  for (const row of database.prepare('SELECT instance_id, host FROM hosts').all()) {
    const instanceId = String(row['instance_id']);
    const old = parse(String(row['host']), instanceId, (host) => host);
    if (known.has(instanceId) || !isInstanceId(instanceId) || typeof old === 'string') continue;
    standing.put(instanceId, {
      instanceId,
      drain: old['wanted'] === 'drain' ? 'told so before the webserver was updated' : null,
      revoked: isText(old['revoked']) ? old['revoked'] : null,
      keyHash: isText(old['hostKey']) ? createHash('sha256').update(old['hostKey']).digest('hex') : null,
    });
  }
}

/**
 * Hosts and orders in one SQLite file, a row each. No secrets: tokens are hashes, and control tokens are not in it.
 *
 * @throws Error when the file cannot be opened or is no database
 */
export function openSqliteStore(path: string, onDamaged: OnDamaged): HostStore & { close(): void } {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  database.exec(
    `PRAGMA journal_mode = WAL;
     CREATE TABLE IF NOT EXISTS damaged (of_table TEXT NOT NULL, instance_id TEXT NOT NULL, row TEXT NOT NULL, problem TEXT NOT NULL) STRICT`,
  );
  const hosts = openTable(database, ['hosts', 'host'], hostIn, onDamaged);
  const standing = openTable(database, ['orders', 'standing'], standingIn, onDamaged, strictest);
  takeOverOldOrders(database, standing);
  return {
    load: () => hosts.all(),
    put: (host) => hosts.put(host.instanceId, host),
    remove: (instanceId) => hosts.remove(instanceId),
    loadStanding: () => standing.all(),
    putStanding: (one) => standing.put(one.instanceId, one),
    close: () => database.close(),
  };
}
