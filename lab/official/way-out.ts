import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { proxySettings } from '../mirror/upstream.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const TIMEOUT_MS = 30_000;
const PORT = 443;

/** Pure: whether the environment has connections to a host go without a proxy. */
export function isExcluded(host: string, noProxy: string): boolean {
  return noProxy
    .split(',')
    .some((entry) => entry === '*' || entry === host || (entry.startsWith('.') && host.endsWith(entry)));
}

function direct(host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: PORT, allowHalfOpen: true, timeout: TIMEOUT_MS });
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)));
    socket.once('error', reject);
  });
}

function throughProxy(host: string, proxy: URL): Promise<Socket> {
  const { username, password } = proxy;
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return new Promise((resolve, reject) => {
    const asking = httpRequest({
      host: proxy.hostname,
      port: proxy.port === '' ? 80 : Number(proxy.port),
      method: 'CONNECT',
      path: `${host}:${PORT}`,
      timeout: TIMEOUT_MS,
      headers: username === '' ? {} : { 'proxy-authorization': `Basic ${credentials}` },
    });
    asking.on('connect', ({ statusCode }, socket, head) => {
      if (statusCode !== 200) {
        socket.destroy();
        return reject(new Error(`the proxy answered ${statusCode}`));
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    asking.on('timeout', () => asking.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)));
    asking.on('error', reject);
    asking.end();
  });
}

/** A connection to a host's port of TLS, past the environment's proxy where it names one. @throws Error without one */
export function wayOut(host: string, environment: Environment = process.env): Promise<Socket> {
  const { HTTPS_PROXY = '', NO_PROXY = '' } = proxySettings(environment);
  if (HTTPS_PROXY === '' || isExcluded(host, NO_PROXY)) return direct(host);
  return throughProxy(host, new URL(HTTPS_PROXY));
}
