import { join } from 'node:path';
import { shellQuote } from '../io/shell-quote.ts';

export type ProxyTarget = {
  readonly instanceId: string;
  readonly apiRegion: string;
  /** Where the API is; null means AWS itself. */
  readonly endpointUrl: string | null;
};

/** ssh expands `%` in the command before a shell reads it. */
function word(text: string): string {
  return shellQuote(text).replaceAll('%', '%%');
}

/** Pure: the ProxyCommand by which ssh reaches an instance through Session Manager. */
export function proxyCommand({ instanceId, apiRegion, endpointUrl }: ProxyTarget): string {
  const program = [process.execPath, join(import.meta.dirname, 'session-proxy.ts')];
  const endpoint = endpointUrl === null ? [] : ['--endpoint', endpointUrl];
  const options = ['--region', apiRegion, '--instance', instanceId, ...endpoint];
  return [...[...program, ...options].map(word), '--port', '%p'].join(' ');
}
