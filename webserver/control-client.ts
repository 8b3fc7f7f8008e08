import { request } from 'node:https';
import type { ControlPort, ControlRequest } from '#contracts/webserver.ts';

const TIMEOUT_MS = 5000;

/**
 * Speaks to the control port of a host. Only the certificate that the host showed in its handshake is accepted.
 *
 * @throws Error when the host cannot be reached or does not accept it
 */
export const tellHost = (
  address: string,
  { port, certificate, token }: ControlPort,
  verb: 'drain' | 'revoke',
  reason: string,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const body: ControlRequest = { version: 1, reason };
    const outgoing = request(
      {
        host: address,
        port,
        path: `/v1/${verb}`,
        method: 'POST',
        agent: false,
        minVersion: 'TLSv1.2',
        ca: certificate,
        // Pinned: it vouches for itself, whatever address the host is reached at.
        checkServerIdentity: () => undefined,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        signal: AbortSignal.timeout(TIMEOUT_MS),
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
