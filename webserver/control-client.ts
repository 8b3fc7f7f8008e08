import { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import type { ControlPort, ControlRequest } from '#contracts/webserver.ts';

const TIMEOUT_MS = 5000;

/**
 * Only the very certificate of the handshake, byte for byte. Neither its name nor its dates say anything: it vouches
 * for itself, and the host that made it may have a clock that is ahead.
 */
function connectPinned(address: string, { port, certificate }: ControlPort, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const pinned = new X509Certificate(certificate);
    const socket = connect({ host: address, port, minVersion: 'TLSv1.2', rejectUnauthorized: false }, () => {
      if (socket.getPeerX509Certificate()?.raw.equals(pinned.raw)) resolve(socket);
      else socket.destroy(new Error('it shows another certificate than in its handshake'));
    });
    const tooLate = (): void => void socket.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`));
    signal.addEventListener('abort', tooLate, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', tooLate));
    socket.on('error', reject);
  });
}

function post(socket: TLSSocket, token: string, verb: 'drain' | 'revoke', body: ControlRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        createConnection: () => socket,
        path: `/v1/${verb}`,
        method: 'POST',
        headers: { Host: 'host', Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      },
      (incoming) => {
        incoming.resume();
        incoming.on('end', () =>
          incoming.statusCode === 202 ? resolve() : reject(new Error(`HTTP ${incoming.statusCode ?? 0}`)),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(body));
  });
}

/**
 * Speaks to the control port of a host. The token is sent only to whoever shows the certificate of the handshake.
 *
 * @throws Error when the host cannot be reached or does not accept it
 */
export async function tellHost(
  address: string,
  control: ControlPort,
  verb: 'drain' | 'revoke',
  reason: string,
): Promise<void> {
  const socket = await connectPinned(address, control, AbortSignal.timeout(TIMEOUT_MS));
  try {
    await post(socket, control.token, verb, { version: 1, reason });
  } finally {
    socket.destroy();
  }
}
