import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

type Environment = Readonly<Record<string, string | undefined>>;

export type ProxySettings = { HTTP_PROXY?: string; HTTPS_PROXY?: string; NO_PROXY?: string };

/**
 * The environment's proxies as Node's agents take them: curl also reads ALL_PROXY, proxies without `http://`, and names
 * with all below them.
 */
export function proxySettings(environment: Environment): ProxySettings {
  const read = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined;
  const proxy = (name: string): string | undefined => {
    const given = read(name) ?? read('ALL_PROXY');
    return given === undefined || given.includes('://') ? given : `http://${given}`;
  };
  const [http, https, excluded] = [proxy('HTTP_PROXY'), proxy('HTTPS_PROXY'), read('NO_PROXY')];
  return {
    ...(http === undefined ? {} : { HTTP_PROXY: http }),
    ...(https === undefined ? {} : { HTTPS_PROXY: https }),
    ...(excluded === undefined ? {} : { NO_PROXY: excluded.split(',').flatMap(withSubdomains).join(',') }),
  };
}

function withSubdomains(entry: string): readonly string[] {
  const name = entry.trim().replace(/^\*?\./, '');
  if (name === '') return [];
  return name === '*' ? [name] : [name, `.${name}`];
}

const TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 5;

/**
 * Fetches from an archive, through the environment's proxy and past redirects. `fetch` would unpack what an archive
 * sends packed.
 */
export class Upstream {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(environment: Environment) {
    const options = { keepAlive: true, proxyEnv: proxySettings(environment) };
    this.#http = new HttpAgent(options);
    this.#https = new HttpsAgent(options);
  }

  /**
   * The caller reads or destroys the answer.
   *
   * @param signal ends the wait for an answer
   * @throws Error when nobody answers
   */
  async get(url: URL, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<IncomingMessage> {
    let current = url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await this.#once(current, headers, signal);
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
      response.resume();
      current = new URL(location, current);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects from ${url.href}`);
  }

  #once(url: URL, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<IncomingMessage> {
    const isHttps = url.protocol === 'https:';
    const agent = isHttps ? this.#https : this.#http;
    const options = { headers, timeout: TIMEOUT_MS, agent, ...(signal === undefined ? {} : { signal }) };
    return new Promise((resolve, reject) => {
      const outgoing = (isHttps ? httpsRequest : httpRequest)(url, options);
      outgoing.on('response', resolve);
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }
}
