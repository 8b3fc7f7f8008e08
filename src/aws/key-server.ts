import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reasonOf } from '#contracts/reason.ts';
import type { KeyProvider } from './keys.ts';

/*
 * How a program with an SDK of its own gets keys that do not freeze: by the protocol of containers, which each SDK asks
 * again before its keys end. Whatever the user's keys come from (SSO, roles, web identity, instances) was found by this
 * program, so the other one cannot find other ones. Secrets are in memory and on the loopback interface only; the token
 * is in the environment of the child, which its user alone can read. (docs/decisions/0152)
 */

/** Every other source that an SDK would prefer or add. */
const OTHER_SOURCES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_ACCESS_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SECRET_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
];
const NO_FILE = '/dev/null';

export type KeyServer = AsyncDisposable & {
  /** For the program that asks; what is undefined has to be taken out of its environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
};

function isAllowed({ headers }: IncomingMessage, token: string): boolean {
  const shown = Buffer.from(headers.authorization ?? '');
  return shown.length === token.length && timingSafeEqual(shown, Buffer.from(token));
}

async function answer(keys: KeyProvider): Promise<[status: number, body: object]> {
  try {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await keys();
    const ends = expiration === undefined ? {} : { Expiration: expiration.toISOString() };
    return [200, { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken ?? '', ...ends }];
  } catch (error) {
    return [500, { code: 'CredentialsUnavailable', message: reasonOf(error) }];
  }
}

/** Gives keys to a child process for as long as this is not disposed of. */
export async function serveKeys(keys: KeyProvider): Promise<KeyServer> {
  const token = randomBytes(32).toString('hex');
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answered = isAllowed(request, token)
      ? answer(keys)
      : Promise.resolve<[number, object]>([401, { code: 'Unauthorized', message: 'the token is not ours' }]);
    void answered.then(([status, body]) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      ...Object.fromEntries(OTHER_SOURCES.map((name) => [name, undefined])),
      AWS_CONFIG_FILE: NO_FILE,
      AWS_SHARED_CREDENTIALS_FILE: NO_FILE,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
