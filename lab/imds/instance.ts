import type { MachineAddress, MachineSpec } from '../machine-types.ts';

/** What the metadata service knows of one machine. */
export type ImdsInstance = {
  readonly spec: MachineSpec;
  readonly address: MachineAddress;
  readonly launchedAt: Date;
  /** Shown below meta-data/tags/instance when the instance asked for that. */
  readonly tags?: Readonly<Record<string, string>>;
  /** An interruption notice below meta-data/spot and events/recommendations; absent without one. */
  readonly spotInterruptionAt?: Date;
};
