import type { AwsClients } from '../aws/clients.ts';
import type { ReleaseClients } from '../aws/release-clients.ts';

/** The API of one region, as a release needs it. */
export type RegionClients = { readonly aws: AwsClients; readonly more: ReleaseClients };

/** One region of a release, the place of which is the same in the state file. */
export type Region = {
  readonly place: number;
  /** As hosts.yaml names it. */
  readonly name: string;
  readonly apiRegion: string;
  readonly isSource: boolean;
  readonly kmsKey: string | null;
  readonly clients: RegionClients;
};
