import { spawn } from 'node:child_process';
import { findProgram } from '../io/programs.ts';
import { hasDisplay } from './player.ts';

/** What opens an address in the user's browser, or null where there is no such program or no display. */
export async function findOpener(): Promise<string | null> {
  if (process.platform === 'darwin') return findProgram('open');
  return hasDisplay() ? findProgram('xdg-open') : null;
}

/** In a session of its own: Ctrl-C here must not end the user's browser. */
export function openAddress(opener: string, address: string): void {
  const child = spawn(opener, [address], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}
