import { sshNeeds } from '../host-access/needs.ts';
import type { Need } from '../io/programs.ts';
import type { Transport } from '../plan/build-plan.ts';
import { FFMPEG } from '../stream/ffmpeg.ts';
import { PARTS, type Part } from './checks/check-definitions.ts';

/** The programs of this machine that smoke runs. */
export function smokeNeeds(transport: Transport, parts: ReadonlySet<Part> = new Set(PARTS)): readonly Need[] {
  return [...sshNeeds(transport), ...(parts.has('workload') ? [FFMPEG] : [])];
}
