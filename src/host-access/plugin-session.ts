import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import {
  SSMClient,
  StartSessionCommand,
  type StartSessionCommandInput,
  TerminateSessionCommand,
} from '@aws-sdk/client-ssm';
import { type ApiTarget, clientOptions, findCredentials } from '../aws/clients.ts';
import type { Keys } from '../aws/keys.ts';
import { outsideError } from '../io/errors.ts';
import { requirePrograms } from '../io/programs.ts';
import { findSessionManagerPlugin, SESSION_MANAGER_PLUGIN } from './needs.ts';

/** Where the plugin looks for what StartSession answered: its token would be seen on a command line. */
const RESPONSE = 'AWS_SSM_START_SESSION_RESPONSE';
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

export type PortSession = ApiTarget & { readonly instanceId: string; readonly port: string };

/** Only the credentials of the session's own API are handed on: a lab gets none of the user's. */
function pluginEnvironment({ accessKeyId, secretAccessKey, sessionToken }: Keys, response: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    [RESPONSE]: response,
  };
}

/**
 * Runs session-manager-plugin as the AWS CLI and Packer do, with six arguments, and with this program's stdin, stdout
 * and stderr. A signal that reaches this program ends it.
 *
 * @returns its exit code; a signal's is 128 and its number
 */
async function runPlugin(
  plugin: string,
  { apiRegion, endpointUrl }: PortSession,
  input: StartSessionCommandInput,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  // No profile: the credentials are in the environment. An empty endpoint is the region's own.
  const args = [RESPONSE, apiRegion, 'StartSession', '', JSON.stringify(input), endpointUrl ?? ''];
  const child = spawn(plugin, args, { stdio: 'inherit', env });
  const stop = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

/**
 * Joins stdin and stdout to a port of an instance through Session Manager (document AWS-StartSSHSession), until either
 * side ends it. What ssh runs as its ProxyCommand.
 *
 * @throws EcsHostError `PROGRAMS_MISSING`, `CREDENTIALS_MISSING` (user); `SESSION_REFUSED` (outside) with AWS's reason
 */
export async function runPortSession(session: PortSession): Promise<number> {
  await requirePrograms([SESSION_MANAGER_PLUGIN]);
  const plugin = (await findSessionManagerPlugin()) ?? '';
  const keys = await findCredentials(session);
  const client = new SSMClient(clientOptions(session, keys));
  const input = {
    Target: session.instanceId,
    DocumentName: 'AWS-StartSSHSession',
    Parameters: { portNumber: [session.port] },
  };
  try {
    const { SessionId, TokenValue, StreamUrl } = await client.send(new StartSessionCommand(input)).catch((error) => {
      const { name, message } = error as Error;
      throw outsideError('SESSION_REFUSED', `No session to ${session.instanceId}: ${name}: ${message}`);
    });
    try {
      const response = JSON.stringify({ SessionId, TokenValue, StreamUrl });
      return await runPlugin(plugin, session, input, pluginEnvironment(await keys(), response));
    } finally {
      // It ends by itself as well, after a while without a client.
      await client.send(new TerminateSessionCommand({ SessionId })).catch(() => undefined);
    }
  } finally {
    client.destroy();
  }
}
