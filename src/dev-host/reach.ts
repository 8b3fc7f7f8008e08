import { connectSsh, type Ssh } from '../host-access/ssh.ts';
import type { DevHost } from './dev-host.ts';
import { devKeyFile } from './key.ts';

const REACH_TIMEOUT_MS = 300_000;

/** Waits until the host lets this machine's key in. */
export function connectDevHost(host: DevHost, signal: AbortSignal, timeoutMs = REACH_TIMEOUT_MS): Promise<Ssh> {
  const { instanceId, address, sshUser: user, transport, apiRegion } = host;
  const target = { instanceId, address: address ?? '', user, keyFile: devKeyFile(), transport, apiRegion };
  return connectSsh(target, { timeoutMs, signal });
}
