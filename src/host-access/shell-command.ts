import { commandLine } from '../io/shell-quote.ts';
import { proxyCommand } from './proxy-command.ts';
import { destinationOf, type SshTarget } from './ssh-options.ts';

/** Pure: the line that opens a shell on an instance, for a person. */
export function shellCommand(target: SshTarget): string {
  const { keyFile, transport } = target;
  const options = [
    'IdentitiesOnly=yes',
    // Its host key is known to nobody here, and it lives no longer than this look.
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    ...(transport === 'session-manager' ? [`ProxyCommand=${proxyCommand(target)}`] : []),
  ];
  const words = ['ssh', '-i', keyFile, ...options.flatMap((option) => ['-o', option]), destinationOf(target)];
  return commandLine({}, words);
}
