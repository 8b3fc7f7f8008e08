import { DatabaseSync } from 'node:sqlite';
import type { Host, HostStore } from './hosts.ts';

/**
 * Hosts in one SQLite file, a row each. No secrets: tokens are hashes, and control tokens are not in it.
 *
 * @throws Error when the file cannot be opened or is no database
 */
export const openSqliteStore = (path: string): HostStore & { close(): void } => {
  const database = new DatabaseSync(path);
  database.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS hosts (instance_id TEXT PRIMARY KEY, host TEXT NOT NULL) STRICT',
  );
  const put = database.prepare(
    'INSERT INTO hosts (instance_id, host) VALUES (?, ?) ON CONFLICT (instance_id) DO UPDATE SET host = excluded.host',
  );
  const remove = database.prepare('DELETE FROM hosts WHERE instance_id = ?');
  const all = database.prepare('SELECT host FROM hosts');
  return {
    load: () => all.all().map((row) => JSON.parse(String(row['host'])) as Host),
    put: (host) => {
      put.run(host.instanceId, JSON.stringify(host));
    },
    remove: (instanceId) => {
      remove.run(instanceId);
    },
    close: () => database.close(),
  };
};
