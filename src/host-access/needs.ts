import { delimiter, join } from 'node:path';
import { cacheFolder } from '../io/paths.ts';
import { findProgram, inPath, type Need } from '../io/programs.ts';
import type { Transport } from '../plan/build-plan.ts';

const NAME = 'session-manager-plugin';

/** Set-up's own, which is new enough, before any that the machine has. */
function setUpFolder(): string {
  return join(cacheFolder(), 'session-manager', 'bin');
}

/** @returns its path, or null */
export function findSessionManagerPlugin(): Promise<string | null> {
  return findProgram(NAME, [setUpFolder()]);
}

/** PATH for a program that looks for the plugin there itself, as Packer does. */
export function pathWithSessionManagerPlugin(): string {
  return [setUpFolder(), process.env['PATH'] ?? ''].join(delimiter);
}

/** Packer has an AWS client of its own, and needs only this one for Session Manager. */
export const SESSION_MANAGER_PLUGIN: Need = {
  name: NAME,
  what: 'reaches instances through Session Manager',
  fix: '`make setup` installs it',
  find: findSessionManagerPlugin,
};

/** What `connectSsh` runs. */
export function sshNeeds(transport: Transport): readonly Need[] {
  const ssh = [
    inPath('ssh', 'reaches instances'),
    inPath('ssh-keygen', 'makes the key of a run'),
    inPath('setpriv', 'ends ssh with this program'),
  ];
  if (transport === 'ssh') return ssh;
  return [...ssh, SESSION_MANAGER_PLUGIN];
}
