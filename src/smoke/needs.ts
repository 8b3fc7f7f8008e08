import { sshNeeds } from '../host-access/needs.ts';
import type { Need } from '../io/programs.ts';
import type { Transport } from '../plan/build-plan.ts';
import { PARTS, type Part } from './checks/check-definitions.ts';
import { findFfmpeg } from './stream/ffmpeg.ts';

const FFMPEG: Need = {
  name: 'ffmpeg',
  what: 'decodes the stream of the workload',
  fix: 'run `make setup`',
  find: findFfmpeg,
};

/** The programs of this machine that smoke runs. */
export function smokeNeeds(transport: Transport, parts: ReadonlySet<Part> = new Set(PARTS)): readonly Need[] {
  return [...sshNeeds(transport), ...(parts.has('workload') ? [FFMPEG] : [])];
}
