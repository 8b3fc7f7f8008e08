import type { Network } from '../net/network.ts';
import type { LabPaths } from '../paths.ts';
import type { Machines } from './types.ts';

export type MachinesParts = {
  readonly paths: LabPaths;
  readonly network: Network;
  readonly log?: (line: string) => void;
};

/** The lab's machines on systemd-nspawn. `close` ends them all at once, without asking them (for the end of the daemon). */
export const createMachines = async (_parts: MachinesParts): Promise<Machines & { close(): Promise<void> }> => {
  throw new Error('being written');
};
