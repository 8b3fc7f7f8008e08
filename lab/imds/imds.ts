import type { RequestListener } from 'node:http';
import type { MachineAddress, MachineSpec } from '../machines/types.ts';
import type { IdentityKeys } from './identity-keys.ts';

/** What the metadata service knows of one machine. */
export type ImdsSubject = {
  readonly spec: MachineSpec;
  readonly address: MachineAddress;
  readonly launchedAt: Date;
  /** Shown below meta-data/tags/instance when the instance asked for that. */
  readonly tags?: Readonly<Record<string, string>>;
  /** An interruption notice below meta-data/spot and events/recommendations; absent without one. */
  readonly spotInterruptionAt?: Date;
};

export type ImdsParts = {
  /** By the peer's address; null when no machine has it (the answer is then 404). */
  readonly lookup: (peerAddress: string) => ImdsSubject | null | Promise<ImdsSubject | null>;
  /** From loadIdentityKeys(paths). */
  readonly keys: IdentityKeys;
  readonly now?: () => Date;
};

/** A listener for an http.Server that hangs on a peer socket (attachHttp). */
export const createImds = (_parts: ImdsParts): RequestListener => {
  throw new Error('being written');
};
