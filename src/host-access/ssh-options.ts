import type { Transport } from '../plan/build-plan.ts';
import { proxyCommand } from './proxy-command.ts';

export type SshTarget = {
  readonly instanceId: string;
  readonly address: string;
  readonly user: string;
  readonly keyFile: string;
  readonly transport: Transport;
  readonly apiRegion: string;
  /** Where the API is, for Session Manager; null means AWS itself. */
  readonly endpointUrl: string | null;
};

/**
 * With a ProxyCommand the time counts to the end of the key exchange: under Session Manager that is a program, a call,
 * a websocket and an agent that may just have started.
 */
const CONNECT_TIMEOUT_S = { ssh: 5, 'session-manager': 60 } as const;

/** Where the keys of hosts stand, and under which name; null for the address. */
export type KnownHosts = { readonly file: string; readonly alias: string | null };

/** A path as the value of an option: blanks end a value, and `%` begins a token. */
export function optionPath(path: string): string {
  const literal = path.replaceAll('%', '%%');
  return /^[\w./%@+,-]+$/.test(literal) ? literal : `"${literal}"`;
}

/** Pure: how a host is reached and told from others; the options of ssh and the lines of its configuration. */
export function hostOptions(target: SshTarget, { file, alias }: KnownHosts): (readonly [string, string])[] {
  const { keyFile, transport } = target;
  return [
    ['IdentitiesOnly', 'yes'],
    ['IdentityFile', optionPath(keyFile)],
    // The host key is new with every instance; it is taken once, and must not change from then on.
    ['StrictHostKeyChecking', 'accept-new'],
    ['UserKnownHostsFile', optionPath(file)],
    ...(alias === null ? [] : ([['HostKeyAlias', alias]] as const)),
    ['LogLevel', 'ERROR'],
    ...(transport === 'session-manager' ? ([['ProxyCommand', proxyCommand(target)]] as const) : []),
  ];
}

/** Pure: options of every ssh call. Nothing of the user's own ssh configuration takes part. */
export function sshOptions(target: SshTarget, knownHosts: KnownHosts): string[] {
  const options = [
    ['BatchMode', 'yes'],
    ['ConnectTimeout', `${CONNECT_TIMEOUT_S[target.transport]}`],
    ['ServerAliveInterval', '5'],
    ['ServerAliveCountMax', '4'],
    ...hostOptions(target, knownHosts),
  ];
  return ['-F', '/dev/null', ...options.flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

/** `user@where`: under Session Manager the proxy finds the instance by its id. */
export function destinationOf({ user, transport, address, instanceId }: SshTarget): string {
  return `${user}@${transport === 'ssh' ? address : instanceId}`;
}
