import type { LabPaths } from '../paths.ts';

/**
 * Ends what a killed daemon left of this lab: machines (found by record and by the name of their control group), their control groups,
 * the namespace with all links and rules. Touches nothing that neither a record nor a name proves to be this lab's.
 */
export const sweepLab = async (_paths: LabPaths): Promise<{ readonly machines: readonly string[] }> => {
  throw new Error('being written');
};
