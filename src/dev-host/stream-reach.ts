import { createServer } from 'node:net';
import type { OpenSsh } from '../host-access/ssh.ts';
import { discover, type Peer, receive } from '../stream/connection.ts';
import type { LiveSource } from '../stream/live.ts';
import type { StreamPorts } from '../stream/stream-client.ts';

const DIRECT_LIMIT_MS = 3000;

export type ReachedStream = Omit<LiveSource, 'key' | 'ports'> & {
  readonly ports: StreamPorts;
  readonly via: 'direct' | 'ssh';
};

/** Until the first frame came; whoever only wants to know still says hello, and hears one. */
async function answers(peer: Peer, signal: AbortSignal): Promise<void> {
  const heard = new AbortController();
  await receive(peer, () => heard.abort(), AbortSignal.any([signal, heard.signal]));
  if (!heard.signal.aborted) throw new Error('no frame came');
}

async function isDirect(host: string, ports: StreamPorts, key: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(DIRECT_LIMIT_MS)]);
  try {
    await Promise.all([
      discover({ host, port: ports.discoveryTcp, key }, stop),
      answers({ host, port: ports.streamTcp, key }, stop),
    ]);
    return true;
  } catch {
    // Closed to this machine, or another machine at an address that means something else here.
    signal.throwIfAborted();
    return false;
  }
}

/** A port that is free here now; ssh does not choose one for what it forwards from here. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Where the stream of a host is met from here: at its ports where they are open to us, else through ssh. */
export async function reachStream(
  ssh: OpenSsh,
  ports: StreamPorts,
  key: Uint8Array,
  signal: AbortSignal,
): Promise<ReachedStream> {
  const { address } = ssh.target;
  if (address !== '' && (await isDirect(address, ports, key, signal))) return { host: address, ports, via: 'direct' };
  const here = { discoveryTcp: await freePort(), streamTcp: await freePort() };
  await ssh.forwardToThere(here.discoveryTcp, ports.discoveryTcp);
  await ssh.forwardToThere(here.streamTcp, ports.streamTcp);
  return { host: '127.0.0.1', ports: { ...here, streamUdp: null }, via: 'ssh' };
}
