import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect, test } from 'vitest';
import { type Host, type HostStore, Hosts } from '../../webserver/hosts.ts';
import { openSqliteStore } from '../../webserver/sqlite-store.ts';
import { instanceIdOf } from '../fixtures/host.ts';
import { tempFolder } from '../support/temp-folder.ts';

const A = instanceIdOf(1);
const B = instanceIdOf(2);
function admission(instanceId: string, hostKey = 'key') {
  return {
    instanceId,
    region: 'us-west-2',
    imageId: 'ami-1',
    environment: 'test',
    hostKey,
  };
}

let folder: string;
let file: string;
beforeEach(() => {
  folder = tempFolder();
  file = join(folder, 'hosts.sqlite');
});

function withStore<T>(use: (store: HostStore, damaged: string[]) => T): T {
  const damaged: string[] = [];
  const store = openSqliteStore(file, (table, key, problem) => damaged.push(`${table} ${key}: ${problem}`));
  try {
    return use(store, damaged);
  } finally {
    store.close();
  }
}

test('orders outlive a handshake, a goodbye and a restart', () => {
  withStore((store) => {
    const hosts = new Hosts(Date.now, store);
    hosts.admit(admission(A), null);
    hosts.orders.change(A, { drain: 'maintenance' });
    hosts.orders.change(B, { revoked: 'stolen' });
    hosts.admit(admission(A), null);
    hosts.forget(A);
  });
  withStore((store) => {
    const { orders } = new Hosts(Date.now, store);
    expect(orders.denialOf(A)).toBe('ordered to drain: maintenance');
    expect(orders.denialOf(B)).toBe('revoked: stolen');
    expect(orders.list().map(({ instanceId }) => instanceId)).toEqual([A, B]);
    orders.change(A, { drain: null });
    orders.change(B, { revoked: null });
  });
  withStore((store) => {
    const hosts = new Hosts(Date.now, store);
    expect(hosts.orders.list()).toEqual([]);
    expect([hosts.wasGranted(A, 'key'), hosts.wasGranted(A, 'other'), hosts.wasGranted(B, 'key')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

test('what cannot be written did not happen', () => {
  let isFull = false;
  const write = (): void => {
    if (isFull) throw new Error('database or disk is full');
  };
  const store = { load: () => [], put: write, remove: write, loadStanding: () => [], putStanding: write };
  const hosts = new Hosts(Date.now, store);
  const token = hosts.admit(admission(A), null);
  isFull = true;
  expect(() => hosts.renew(hosts.get(A) as Host)).toThrow('full');
  expect(() => hosts.orders.change(A, { revoked: 'x' })).toThrow('full');
  expect(() => hosts.forget(A)).toThrow('full');
  expect(() => hosts.admit(admission(B), null)).toThrow('full');
  expect(hosts.recognise(A, token)).not.toBeNull();
  expect(hosts.orders.denialOf(A)).toBeNull();
  expect(hosts.get(B)).toBeNull();
});

test('a clock that is set makes nobody not taken; what comes from the store lives for one token life', () => {
  const clock = { wallMs: 1_800_000_000_000, monotonicMs: 5000 };
  const open = (store: HostStore): Hosts =>
    new Hosts(
      () => clock.wallMs,
      store,
      () => clock.monotonicMs,
    );
  const token = withStore((store) => {
    const hosts = open(store);
    const given = hosts.admit(admission(A), null);
    clock.wallMs += 181_000;
    expect(hosts.isTaken(A, 'other')).toBe(true);
    return given;
  });
  clock.wallMs += 86_400_000;
  withStore((store) => {
    const hosts = open(store);
    expect(hosts.isTaken(A, 'other')).toBe(true);
    expect(hosts.recognise(A, token)).not.toBeNull();
    clock.monotonicMs += 180_000;
    expect(hosts.isTaken(A, 'other')).toBe(false);
    expect(hosts.recognise(A, token)).toBeNull();
  });
});

test('a damaged row is put aside and told; one of orders counts as the strictest', () => {
  withStore((store) => {
    const hosts = new Hosts(Date.now, store);
    hosts.admit(admission(A), null);
    hosts.admit(admission(B), null);
  });
  const database = new DatabaseSync(file);
  database.prepare("UPDATE hosts SET host = '{' WHERE instance_id = ?").run(A);
  database.prepare("UPDATE orders SET standing = '[]' WHERE instance_id = ?").run(B);
  database.exec(`INSERT INTO hosts VALUES ('x', '{"instanceId":"x"}')`);
  withStore((store, damaged) => {
    const hosts = new Hosts(Date.now, store);
    expect(hosts.list().map(({ instanceId }) => instanceId)).toEqual([B]);
    expect(hosts.orders.denialOf(A)).toBeNull();
    expect(hosts.orders.denialOf(B)).toBe('revoked: what was ordered of it could not be read');
    expect(damaged.sort()).toEqual([
      `hosts ${A}: not JSON`,
      'hosts x: instanceId is none',
      `orders ${B}: not of the instance that it is filed under`,
    ]);
  });
  expect(database.prepare('SELECT count(*) AS n FROM damaged').get()).toEqual({ n: 3 });
  database.close();
  withStore((_, damaged) => expect(damaged).toEqual([]));
});

test('rows of before orders had a table of their own are taken, with their orders', () => {
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE hosts (instance_id TEXT PRIMARY KEY, host TEXT NOT NULL) STRICT');
  const put = database.prepare('INSERT INTO hosts VALUES (?, ?)');
  const old = { tokenHash: 'a'.repeat(64), lastSeenMs: 1, heartbeats: 2 };
  put.run(A, JSON.stringify({ ...admission(A), ...old, wanted: 'drain', revoked: null }));
  put.run(B, JSON.stringify({ ...admission(B), ...old, wanted: 'serve', revoked: 'stolen' }));
  database.close();
  withStore((store, damaged) => {
    const hosts = new Hosts(Date.now, store);
    expect(hosts.list()).toHaveLength(2);
    expect(hosts.orders.denialOf(A)).toMatch('ordered to drain');
    expect(hosts.orders.denialOf(B)).toBe('revoked: stolen');
    expect(hosts.wasGranted(A, 'key')).toBe(true);
    expect(damaged).toEqual([]);
  });
});

test('a write waits for whoever has the file', async () => {
  const store = openSqliteStore(file, () => undefined);
  const holding = new Worker(
    `const { DatabaseSync } = require('node:sqlite');
     const { parentPort, workerData } = require('node:worker_threads');
     const database = new DatabaseSync(workerData);
     database.exec('BEGIN IMMEDIATE');
     parentPort.postMessage('held');
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
     database.exec('COMMIT');
     database.close();`,
    { eval: true, workerData: file },
  );
  await once(holding, 'message');
  new Hosts(Date.now, store).orders.change(A, { revoked: 'stolen' });
  await once(holding, 'exit');
  store.close();
  withStore((later) => expect(new Hosts(Date.now, later).orders.denialOf(A)).toBe('revoked: stolen'));
});
