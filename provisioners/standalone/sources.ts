import type { SetupPart } from '#contracts/setup-script.ts';
import type { TargetConfig } from '#contracts/target-config.ts';

/** Pure: the URLs in apt's lists of sources, in both of their forms; lines that are commented out do not count. */
export function aptUrls(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const uris = /^\s*(?:URIs:|deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?)(.*)$/.exec(line)?.[1] ?? '';
    return uris.match(/https?:\/\/[^\s]+/g) ?? [];
  });
}

/** Pure: the proxies that apt is told to use (`apt-config dump`). */
export function aptProxies(dump: string): readonly string[] {
  return [...dump.matchAll(/^Acquire::https?::Proxy "(https?:\/\/[^"]+)";$/gm)].map(([, url = '']) => url);
}

/** Pure: what the parts fetch beside packages of the distribution. */
export function fetchedUrls(target: TargetConfig, parts: readonly SetupPart[]): readonly string[] {
  const { docker, ecsAgent, nvidia, userTools } = target;
  const urls: Partial<Record<SetupPart, readonly string[]>> = {
    docker: docker.source === 'docker-ce' ? ['https://download.docker.com/'] : [],
    'ecs-agent': ecsAgent.source === 'aws' ? [ecsAgent.package] : [],
    nvidia: nvidia === null ? [] : [nvidia.driverUrl, 'https://nvidia.github.io/'],
    'user-tools': userTools.awsCli.source === 'aws' ? ['https://awscli.amazonaws.com/'] : [],
  };
  return parts.flatMap((part) => urls[part] ?? []);
}

export type Endpoint = { readonly host: string; readonly port: number };

/** Pure: whom to connect to, each once. */
export function endpointsOf(urls: readonly string[]): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const each of urls) {
    if (!URL.canParse(each)) continue;
    const url = new URL(each);
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    found.set(url.host, { host: url.hostname.replace(/^\[|\]$/g, ''), port });
  }
  return [...found.values()];
}
