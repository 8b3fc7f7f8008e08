import type { Tags } from '../tags.ts';

type Tagged = { readonly id: string; readonly tags: Tags };

/** Everything of a region that carries a run id, as plain data: what the pure selection works on. */
export type Inventory = {
  /** Without the terminated ones, which the API goes on listing for an hour. */
  readonly instances: readonly (Tagged & { readonly state: string })[];
  readonly securityGroups: readonly (Tagged & { readonly name: string })[];
  /** By name: the name is the id that every version of the API deletes by. */
  readonly keyPairs: readonly Tagged[];
  readonly volumes: readonly Tagged[];
  readonly images: readonly (Tagged & { readonly state: string; readonly snapshotIds: readonly string[] })[];
  readonly snapshots: readonly Tagged[];
  readonly clusters: readonly Tagged[];
  /** By ARN; those from which tasks may still be started. */
  readonly taskDefinitions: readonly Tagged[];
};

export const emptyInventory: Inventory = {
  instances: [],
  securityGroups: [],
  keyPairs: [],
  volumes: [],
  images: [],
  snapshots: [],
  clusters: [],
  taskDefinitions: [],
};
