import type { LabPaths } from '../paths.ts';

export type DaemonOptions = {
  readonly paths: LabPaths;
  /** Null: the usual one, or a free one when that is taken. */
  readonly port: number | null;
  readonly ownerPid: number | null;
  /** The checkout, for its examples. */
  readonly project: string;
  readonly log: (line: string) => void;
  /** Shown by `up`. */
  readonly progress: (line: string) => void;
};
