import { readFile } from 'node:fs/promises';
import type { HostConfig } from '#contracts/host-config.ts';
import { userError } from '../io/errors.ts';
import { renderUserData } from '../user-data/render.ts';

type Argv = Record<string, unknown>;

const variables = (given: unknown): Record<string, string> =>
  Object.fromEntries(
    (Array.isArray(given) ? given.map(String) : []).map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0)
        throw userError('USAGE', `--ecs "${pair}" is not NAME=VALUE.`, 'for example --ecs ECS_RESERVED_MEMORY=256');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );

/** `ecs-host user-data`: what a launch template passes to instances of the image. */
export const userData = async (argv: Argv): Promise<number> => {
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
  };
  process.stdout.write(renderUserData({ cluster: String(argv['cluster']), host, ecs: variables(argv['ecs']) }));
  return 0;
};
