import { readFile } from 'node:fs/promises';
import type { HostConfig } from '#contracts/host-config.ts';
import { userError } from '../../io/errors.ts';
import { renderUserData } from '../../user-data/render.ts';

type Argv = Record<string, unknown>;

function variables(given: unknown): Record<string, string> {
  const found = new Map<string, string>();
  for (const pair of Array.isArray(given) ? given.map(String) : []) {
    const at = pair.indexOf('=');
    if (at <= 0)
      throw userError('USAGE', `--ecs "${pair}" is not NAME=VALUE.`, 'for example --ecs ECS_RESERVED_MEMORY=256');
    const name = pair.slice(0, at);
    if (found.has(name)) throw userError('OPTION_TWICE', `--ecs gives ${name} twice.`, 'leave one of them out');
    found.set(name, pair.slice(at + 1));
  }
  return Object.fromEntries(found);
}

/** What is no whole number is refused with the rest of the configuration: `Number` would make 0 of nothing. */
function powerOffSeconds(given: string): number | null {
  if (given === 'never') return null;
  return /^\d+$/.test(given) ? Number(given) : Number.NaN;
}

/** `ecs-host user-data`: what a launch template passes to instances of the image. */
export async function userData(argv: Argv): Promise<number> {
  const caFile = typeof argv['webserver-ca'] === 'string' ? argv['webserver-ca'] : null;
  const host: HostConfig = {
    version: 1,
    webserverUrl: String(argv['webserver-url']),
    webserverCa:
      caFile === null
        ? null
        : await readFile(caFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
            throw userError(
              'CERTIFICATE_UNREADABLE',
              `${caFile} cannot be read: ${error.code ?? error.message}.`,
              'see --webserver-ca',
            );
          }),
    environment: String(argv['environment']),
    drainSeconds: Number(argv['drain-seconds']),
    powerOffSeconds: powerOffSeconds(String(argv['power-off-seconds'])),
    rebalance: argv['rebalance'] === 'drain' ? 'drain' : 'tell',
  };
  const text = renderUserData({ cluster: String(argv['cluster']), host, ecs: variables(argv['ecs']) });
  if (argv['json'] === true) {
    const bytes = Buffer.from(text);
    const document = { userData: text, userDataBase64: bytes.toString('base64'), bytes: bytes.length };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else process.stdout.write(text);
  return 0;
}
