import { inPath, type Need } from '../io/programs.ts';
import type { Transport } from '../plan/build-plan.ts';

/** Packer has an AWS client of its own, and needs only this one for Session Manager. */
export const SESSION_MANAGER_PLUGIN = inPath(
  'session-manager-plugin',
  'reaches instances through Session Manager',
  'install it from AWS: "Install the Session Manager plugin" in the Systems Manager user guide',
);

/** What `connectSsh` runs. */
export function sshNeeds(transport: Transport): readonly Need[] {
  const ssh = [
    inPath('ssh', 'reaches instances'),
    inPath('ssh-keygen', 'makes the key of a run'),
    inPath('setpriv', 'ends ssh with this program'),
  ];
  if (transport === 'ssh') return ssh;
  const aws = inPath('aws', 'starts sessions of Session Manager', 'install the AWS CLI, version 2');
  return [...ssh, aws, SESSION_MANAGER_PLUGIN];
}
