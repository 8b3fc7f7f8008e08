import type { RequestListener } from 'node:http';
import type { Disks, Machines } from '../machine-types.ts';
import type { MotoClient } from '../moto/client.ts';
import { ACCOUNT_SERVICES } from './account.ts';
import type { CallLog } from './call-log.ts';
import { Capacity } from './capacity.ts';
import { Copies } from './copies.ts';
import { Faults } from './faults.ts';
import { GpuOrders } from './gpu-orders.ts';
import type { ServiceHandler } from './handler.ts';
import { createAwsHandler } from './handler.ts';
import { Reconciler } from './reconciler.ts';
import { createEndpointListener } from './server.ts';
import { createSnapshotBlocks } from './snapshot-blocks.ts';
import { Staleness } from './staleness.ts';
import { KeyMint } from './temporary-keys.ts';

export type AwsService = {
  /** For connections from this machine; also answers /_lab/. */
  readonly loopback: RequestListener;
  /** For connections from machines. */
  machines(addressOf: (request: Parameters<RequestListener>[0]) => string): RequestListener;
  readonly faults: Faults;
  /** Resolves when no machine or disk is being worked on. */
  idle(): Promise<void>;
};

/** Puts the endpoint together: log of calls, faults, moto, and the hands on machines and disks. */
export function createAwsService(parts: {
  readonly moto: MotoClient;
  readonly machines: Machines;
  readonly disks: Disks;
  readonly calls: CallLog;
  readonly services?: ReadonlyMap<string, ServiceHandler>;
  readonly status: () => Promise<unknown>;
  /** Told of `POST /_lab/owners`, which adds or releases owners. */
  readonly onOwner: (pid: number | null) => Promise<void>;
  readonly onInstanceOwner: (instanceId: string) => Promise<boolean>;
  readonly onLeave: (pid: number) => Promise<boolean>;
  readonly identityCertificate: string;
  readonly interrupt: (instanceId: string, at: Date | null) => boolean;
  readonly onGone?: (instanceId: string) => void;
  readonly log: (line: string) => void;
}): AwsService {
  const { moto, machines, disks, calls, log } = parts;
  const conditions = {
    mint: new KeyMint(),
    staleness: new Staleness(),
    capacity: new Capacity(),
    copies: new Copies(),
    gpuOrders: new GpuOrders(machines),
  };
  const { copies, gpuOrders } = conditions;
  const onGone = parts.onGone ? { onGone: parts.onGone } : {};
  const reconciler = new Reconciler({ moto, machines, disks, copies, gpuOrders, log, ...onGone });
  const faults = new Faults();
  const answer = createAwsHandler({
    moto,
    reconciler,
    calls,
    faults,
    staleness: conditions.staleness,
    capacity: conditions.capacity,
    services: new Map([...ACCOUNT_SERVICES, ['ebs', createSnapshotBlocks(disks)], ...(parts.services ?? [])]),
    consoleOutput: (instanceId) => machines.consoleOutput(instanceId),
    log,
  });
  const { status, onOwner, onInstanceOwner, onLeave, identityCertificate, interrupt } = parts;
  const api = { calls, faults, conditions, status, onOwner, onInstanceOwner, onLeave, identityCertificate, interrupt };
  return {
    loopback: createEndpointListener(answer, api, () => 'loopback'),
    machines: (addressOf) => createEndpointListener(answer, api, addressOf),
    faults,
    idle: () => reconciler.idle(),
  };
}
