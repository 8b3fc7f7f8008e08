/**
 * The phases of a build with the amazon-ebs builder, told by the first words of what it says (plugin 1.3.x). A sentence
 * that is not here is progress of the phase that is open, so an unknown plugin version costs detail, never correctness.
 */
export type PhaseName =
  | 'check names and network'
  | 'create key pair and security group'
  | 'launch build instance'
  | 'wait for ssh'
  | 'provision'
  | 'stop build instance'
  | 'create image'
  | 'tag image'
  | 'clean up';

const OPENERS: readonly (readonly [prefix: string, phase: PhaseName])[] = [
  ['Prevalidating', 'check names and network'],
  ['Creating temporary keypair', 'create key pair and security group'],
  ['Using existing SSH private key', 'create key pair and security group'],
  ['Creating temporary security group', 'create key pair and security group'],
  ['Launching a source AWS instance', 'launch build instance'],
  ['Launching a spot AWS instance', 'launch build instance'],
  ['Using SSH communicator', 'wait for ssh'],
  ['Waiting for SSH to become available', 'wait for ssh'],
  ['Connected to SSH', 'provision'],
  ['Provisioning with', 'provision'],
  ['Uploading', 'provision'],
  ['Stopping the source instance', 'stop build instance'],
  ['Creating AMI tags', 'tag image'],
  ['Creating AMI', 'create image'],
  ['Adding tags to AMI', 'tag image'],
  ['Modifying attributes on AMI', 'tag image'],
  ['Terminating the source AWS instance', 'clean up'],
  ['Cleaning up any extra volumes', 'clean up'],
  ['Deleting temporary security group', 'clean up'],
  ['Deleting temporary keypair', 'clean up'],
  ['Provisioning step had errors', 'clean up'],
  ['Deregistering the AMI', 'clean up'],
  ['Cancelling build', 'clean up'],
];

/** Packer prefixes `==> builder: `, `--> builder: ` or, for messages, blanks of the same width. */
export function stripTarget(text: string): string {
  return text.replace(/^(?:==>|-->| {3}) [^:\s]+: /gm, '').trimEnd();
}

export function phaseOf(said: string): PhaseName | null {
  const text = stripTarget(said);
  return OPENERS.find(([prefix]) => text.startsWith(prefix))?.[1] ?? null;
}
