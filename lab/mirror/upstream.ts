import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as tlsConnect } from 'node:tls';

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy that the environment names for a URL, as curl reads it; null goes directly. */
export function proxyFor(url: URL, environment: Environment): URL | null {
  const read = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined;
  const excluded = (read('NO_PROXY') ?? '')
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .filter(Boolean);
  if (excluded.some((entry) => entry === '*' || url.hostname === entry || url.hostname.endsWith(`.${entry}`)))
    return null;
  const proxy = (url.protocol === 'https:' ? read('HTTPS_PROXY') : read('HTTP_PROXY')) ?? read('ALL_PROXY');
  return proxy === undefined ? null : new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
}

const TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 5;

function proxyAuthorization(proxy: URL): Record<string, string> {
  return proxy.username === ''
    ? {}
    : {
        'proxy-authorization': `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}`,
      };
}

/** A TLS connection through an HTTP proxy's CONNECT. */
function tunnel(proxy: URL, target: URL, signal: AbortSignal): Promise<ReturnType<typeof tlsConnect>> {
  return new Promise((resolve, reject) => {
    const host = `${target.hostname}:${target.port || '443'}`;
    const connecting = httpRequest({
      host: proxy.hostname,
      port: proxy.port || '80',
      method: 'CONNECT',
      path: host,
      headers: { host, ...proxyAuthorization(proxy) },
      signal,
    });
    connecting.on('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        reject(new Error(`the proxy refused CONNECT with ${response.statusCode}`));
      } else resolve(tlsConnect({ socket, servername: target.hostname }));
    });
    connecting.on('error', reject);
    connecting.end();
  });
}

async function once(
  url: URL,
  headers: Record<string, string>,
  environment: Environment,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const proxy = proxyFor(url, environment);
  const common = { method: 'GET', headers: { ...headers, host: url.host }, signal, timeout: TIMEOUT_MS };
  const path = `${url.pathname}${url.search}`;
  const socket = proxy && url.protocol === 'https:' ? await tunnel(proxy, url, signal) : null;
  return new Promise((resolve, reject) => {
    const outgoing = socket
      ? httpsRequest({ ...common, path, createConnection: () => socket, agent: false })
      : proxy
        ? httpRequest({
            ...common,
            host: proxy.hostname,
            port: proxy.port || '80',
            path: url.href,
            headers: { ...common.headers, ...proxyAuthorization(proxy) },
          })
        : (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, common);
    outgoing.on('response', resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/**
 * GETs a URL, through the environment's proxy and past redirects. The caller reads or destroys the answer.
 *
 * @throws Error when nobody answers
 */
export async function fetchUpstream(
  url: URL,
  headers: Record<string, string>,
  options: { readonly environment?: Environment; readonly signal?: AbortSignal } = {},
): Promise<IncomingMessage> {
  const signal = options.signal ?? new AbortController().signal;
  let current = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await once(current, headers, options.environment ?? process.env, signal);
    const location = response.headers.location;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.resume();
    current = new URL(location, current);
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects from ${url.href}`);
}
