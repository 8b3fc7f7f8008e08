import { join } from 'node:path';
import { stateFolder } from '../../io/paths.ts';

/** Where the webserver of this state folder takes orders. */
export function socketPath(): string {
  return join(stateFolder(), 'webserver.sock');
}
