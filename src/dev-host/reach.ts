import { join } from 'node:path';
import { connectSsh, type OpenSsh } from '../host-access/ssh.ts';
import type { SshTarget } from '../host-access/ssh-options.ts';
import { userError } from '../io/errors.ts';
import { commandLine } from '../io/shell-quote.ts';
import type { DevHost } from './dev-host.ts';
import { devHostsFolder, devKeyFile } from './key.ts';

const REACH_TIMEOUT_MS = 300_000;

/** Host keys of dev hosts, by instance id: an address comes again with another host, an instance id never. */
export function knownHostsFile(): string {
  return join(devHostsFolder(), 'known_hosts');
}

export function targetOf({ instanceId, address, sshUser, transport, apiRegion, endpointUrl }: DevHost): SshTarget {
  return {
    instanceId,
    address: address ?? '',
    user: sshUser,
    keyFile: devKeyFile(),
    transport,
    apiRegion,
    endpointUrl,
  };
}

/** Pure: what ssh says that no second attempt changes, in words. Not asked of a host that is still being made. */
export function refusalOf({ name, instanceId }: DevHost, said: string): Error | null {
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/.test(said))
    return userError(
      'DEV_HOST_KEY_CHANGED',
      `What answers as ${name} (${instanceId}) has another host key than before: it may be somebody else.`,
      `if its keys were made anew on purpose: ${commandLine({}, ['ssh-keygen', '-f', knownHostsFile(), '-R', instanceId])}`,
    );
  if (/Permission denied \(/.test(said))
    return userError(
      'DEV_HOST_LOCKED',
      `${name} (${instanceId}) does not let in the key of this machine: it was brought up on another one.`,
      `append ${devKeyFile()}.pub to ~/.ssh/authorized_keys on the host, from a machine that gets in; or copy that machine's ${devKeyFile()} here. \`up --authorize FILE\` lets in further keys from the start`,
    );
  return null;
}

/** @throws EcsHostError `DEV_HOST_STATE` (user) when it does not run */
export function assertRunning({ name, state }: DevHost): void {
  if (state === 'running' || state === 'pending') return;
  throw userError('DEV_HOST_STATE', `${name} is ${state}.`, `\`ecs-host dev-host start ${name}\` starts it`);
}

/**
 * Waits until the host lets this machine's key in.
 *
 * @throws EcsHostError (user) `DEV_HOST_STATE`, `DEV_HOST_LOCKED`, `DEV_HOST_KEY_CHANGED`; (outside) `SSH_UNREACHABLE`
 */
export async function connectDevHost(
  host: DevHost,
  signal: AbortSignal,
  timeoutMs = REACH_TIMEOUT_MS,
): Promise<OpenSsh> {
  assertRunning(host);
  // Before it is ready its keys may change, and the user may not be there yet.
  const lasting = host.isReady
    ? { knownHosts: knownHostsFile(), refusalOf: (said: string) => refusalOf(host, said) }
    : {};
  return connectSsh(targetOf(host), { timeoutMs, signal, ...lasting });
}
