import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { DEBIAN_BOOKWORM } from '../../../lab/base-image/release.ts';
import { createAwsService } from '../../../lab/endpoint/aws-service.ts';
import { openCallLog } from '../../../lab/endpoint/call-log.ts';
import type { Disks, GpuFault, MachineSpec, MachineStatus, Machines } from '../../../lab/machine-types.ts';
import { pythonOf, startMoto } from '../../../lab/moto/process.ts';
import { LAB_SEED } from '../../../lab/seed.ts';

const cache =
  process.env['ECS_HOST_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ecs-host');

/** These tests need the Python environment that `make setup` makes. */
export const motoIsInstalled = existsSync(pythonOf(cache));

/** Machines and disks that only remember what was asked of them, with gates to hold an operation open. */
export function createFakes() {
  const events: string[] = [];
  const status = new Map<string, MachineStatus>();
  const specs = new Map<string, MachineSpec>();
  const files = new Set<string>(['snap-base']);
  const ingress = new Map<string, MachineSpec['securityGroups']>();
  const gpuFaults = new Map<string, readonly GpuFault[]>();
  const gates = new Map<string, Promise<void>>();
  const failures = new Map<string, string>();
  /** Blocks of snapshots, by number; each copy takes them along. */
  const blocks = new Map<string, Map<number, Buffer>>();
  let onExit: (instanceId: string, how: 'shutdown' | 'crashed') => void = () => {};
  let next = 10;
  const pass = async (operation: string, event: string): Promise<void> => {
    await gates.get(operation);
    const failure = failures.get(operation);
    if (failure) throw new Error(failure);
    events.push(event);
  };
  const machines: Machines = {
    allocateAddress: async (instanceId) => {
      await pass('allocate', `allocate ${instanceId}`);
      next += 1;
      return { address: `10.78.1.${next}`, macAddress: `02:78:0a:4e:01:${next.toString(16)}` };
    },
    start: async (spec) => {
      await pass('start', `start ${spec.instanceId}`);
      specs.set(spec.instanceId, spec);
      status.set(spec.instanceId, 'running');
    },
    stop: async (instanceId, { force }) => {
      await pass('stop', `stop ${instanceId}${force ? ' by force' : ''}`);
      status.set(instanceId, 'stopped');
    },
    reboot: (instanceId) => pass('reboot', `reboot ${instanceId}`),
    terminate: async (instanceId) => {
      await pass('terminate', `terminate ${instanceId}`);
      status.delete(instanceId);
    },
    setIngress: async (instanceId, groups) => {
      ingress.set(instanceId, groups);
    },
    setGpuFaults: async (instanceId, faults) => {
      gpuFaults.set(instanceId, faults);
    },
    status: (instanceId) => status.get(instanceId) ?? 'gone',
    consoleOutput: async (instanceId) => `console of ${instanceId}\n`,
    onExit: (listener) => {
      onExit = listener;
    },
  };
  const disks: Disks = {
    createFromSnapshot: async (diskId, snapshotId, sizeGiB) => {
      await pass('disk', `disk ${diskId} from ${snapshotId} ${sizeGiB}`);
      files.add(diskId);
    },
    createDataVolume: async (diskId, snapshotId, sizeGiB) => {
      await pass('disk', `data ${diskId} from ${snapshotId} ${sizeGiB}`);
      files.add(diskId);
    },
    createSnapshot: async (snapshotId, diskId) => {
      await pass('snapshot', `snapshot ${snapshotId} of ${diskId}`);
      files.add(snapshotId);
    },
    copySnapshot: async (targetId, sourceId) => {
      await pass('copy', `copy ${sourceId} to ${targetId}`);
      files.add(targetId);
      blocks.set(targetId, new Map(blocks.get(sourceId)));
    },
    dataBlocks: async (snapshotId) => [...(blocks.get(snapshotId) ?? [])].map(([index]) => index),
    readBlock: async (snapshotId, index) => blocks.get(snapshotId)?.get(index) ?? Buffer.alloc(512 * 1024),
    removeDisk: async (diskId) => void files.delete(diskId),
    removeSnapshot: async (snapshotId) => void files.delete(snapshotId),
    list: async () => ({
      disks: [...files].filter((name) => name.startsWith('vol-')),
      snapshots: [...files].filter((name) => name.startsWith('snap-')),
    }),
  };
  return {
    machines,
    disks,
    events,
    specs,
    files,
    ingress,
    gpuFaults,
    failures,
    blocks,
    exit: (instanceId: string, how: 'shutdown' | 'crashed') => {
      status.set(instanceId, 'stopped');
      onExit(instanceId, how);
    },
    /** Holds an operation until the returned function is called. */
    hold: (operation: string): (() => void) => {
      let open = (): void => {};
      gates.set(
        operation,
        new Promise((resolve) => {
          open = () => {
            gates.delete(operation);
            resolve();
          };
        }),
      );
      return () => open();
    },
  };
}

/** A real moto behind a real endpoint on a free port, with remembered machines. */
export async function startEndpoint(folder: string) {
  const fakes = createFakes();
  const lines: string[] = [];
  const moto = await startMoto({
    cache,
    socket: join(folder, 'moto.sock'),
    store: join(folder, 'moto.pickle'),
    onLine: (line) => lines.push(line),
  });
  const reconciled = await moto.client.control<{ ended: string[]; failed: string[] }>('reconcile');
  const seeded = await moto.client.control<{ images: Record<string, string> }>('seed', {
    ...LAB_SEED,
    base: {
      ...DEBIAN_BOOKWORM.listing,
      parameters: DEBIAN_BOOKWORM.listing.parameters('20261123'),
      serial: '20261123',
      description: 'test',
      sizeGiB: 8,
      disk: 'snap-base',
      createdAt: '2026-11-23T00:00:00Z',
      way: 'stand-in',
    },
  });
  const calls = openCallLog(join(folder, 'calls.ndjson'));
  const service = createAwsService({
    moto: moto.client,
    machines: fakes.machines,
    disks: fakes.disks,
    calls,
    status: async () => ({ up: true }),
    onOwner: async () => {},
    onInstanceOwner: async () => false,
    onLeave: async () => false,
    identityCertificate: '',
    interrupt: () => false,
    log: (line) => lines.push(line),
  });
  const http = createServer(service.loopback);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const clients: { destroy(): void }[] = [];
  return {
    url,
    fakes,
    moto: moto.client,
    service,
    calls,
    lines,
    loaded: moto.loaded,
    reconciled,
    baseImages: seeded.images,
    ec2: (region = 'us-west-2'): EC2Client => {
      const client = new EC2Client({
        region,
        endpoint: url,
        credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
        maxAttempts: 1,
      });
      clients.push(client);
      return client;
    },
    stop: async (): Promise<void> => {
      for (const client of clients) client.destroy();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await service.idle();
      await moto.stop();
      await calls.close();
    },
  };
}
