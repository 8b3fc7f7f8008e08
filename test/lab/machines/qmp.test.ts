import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Qmp } from '../../../lab/machines/qmp.ts';

/** QEMU's end of the socket: what it was told, and what it says. */
function socketOf() {
  const told: { execute: string; arguments: unknown; id: number }[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      for (const line of chunk.toString().trim().split('\n')) told.push(JSON.parse(line));
      done();
    },
  });
  const say = (...documents: unknown[]): void =>
    void socket.push(documents.map((document) => `${JSON.stringify(document)}\r\n`).join(''));
  return { socket, told, say, end: () => socket.push(null) };
}

test('an answer goes to the command of its number, also behind another', async () => {
  const { socket, told, say } = socketOf();
  const qmp = new Qmp(socket);
  const first = qmp.execute('query-kvm');
  const second = qmp.execute('send-key', { keys: [] });
  expect(told).toEqual([
    { execute: 'query-kvm', arguments: {}, id: 0 },
    { execute: 'send-key', arguments: { keys: [] }, id: 1 },
  ]);
  say({ QMP: { version: {} } }, { return: {}, id: 1 }, { return: { enabled: true }, id: 0 });
  expect(await second).toEqual({});
  expect(await first).toEqual({ enabled: true });
});

test('what QEMU refuses is an error with its reason', async () => {
  const { socket, say } = socketOf();
  const refused = new Qmp(socket).execute('system_powerdown');
  say({ error: { class: 'CommandNotFound', desc: 'negotiate first' }, id: 0 });
  await expect(refused).rejects.toThrow('negotiate first');
});

test('events are told between answers', async () => {
  const { socket, say } = socketOf();
  const qmp = new Qmp(socket);
  const seen: string[] = [];
  qmp.onEvent((event) => seen.push(event));
  const answer = qmp.execute('cont');
  say({ event: 'RESET', data: { guest: true } }, { return: {}, id: 0 }, { event: 'SHUTDOWN' });
  await answer;
  await expect.poll(() => seen).toEqual(['RESET', 'SHUTDOWN']);
});

test('a QEMU that is gone answers nothing more', async () => {
  const { socket, end } = socketOf();
  const qmp = new Qmp(socket);
  const waiting = qmp.execute('stop');
  end();
  await expect(waiting).rejects.toThrow('QEMU is gone');
  await expect(qmp.execute('stop')).rejects.toThrow('QEMU is gone');
});

test('a QEMU that was killed resets its socket, and answers nothing more', async () => {
  const { socket } = socketOf();
  const qmp = new Qmp(socket);
  const waiting = qmp.execute('stop');
  socket.destroy(new Error('read ECONNRESET'));
  await expect(waiting).rejects.toThrow('QEMU is gone');
  await expect(qmp.execute('stop')).rejects.toThrow('QEMU is gone');
});
