/**
 * A worker: holds many connections to a port and opens each again as soon as it is dropped, saying nothing, half of
 * something, or garbage. In a thread of its own, so that its zeal does not depend on who is besieged. Tells how many it
 * has opened, every hundred.
 */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { port, from, connections } = workerData as { port: number; from: string; connections: number };
const SAID = ['', 'POST /v1/revoke HTTP/1.1\r\nHost: x\r\n', '\x16\x03\x01\x02\x00\x01', 'x'.repeat(5000)];
let opened = 0;

function hold(index: number): void {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => {
    socket.write(SAID[index % SAID.length] ?? '');
    opened += 1;
    if (opened % 100 === 0) parentPort?.postMessage(opened);
  });
  socket.on('error', () => undefined).resume();
  socket.on('close', () => setImmediate(hold, index));
}
for (let index = 0; index < connections; index += 1) hold(index);
