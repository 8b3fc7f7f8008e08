import { createServer } from 'node:http';
import { join } from 'node:path';
import { ensureBaseImage } from '../base-image/ensure-base-image.ts';
import { createDisks } from '../disks/disks.ts';
import { createEcsShim } from '../ecs/shim.ts';
import { createAwsService } from '../endpoint/aws-service.ts';
import { openCallLog } from '../endpoint/call-log.ts';
import type { LiveInstance } from '../endpoint/facts.ts';
import { publishExamples } from '../git/publish.ts';
import { createGitListener } from '../git/serve.ts';
import { loadIdentityKeys } from '../imds/identity-keys.ts';
import { createImds } from '../imds/imds.ts';
import { watchOwners } from '../lifecycle/owners.ts';
import type { LabRecord } from '../lifecycle/records.ts';
import { forgetProcesses, recordProcess, removeLabRecord, writeLabRecord } from '../lifecycle/records.ts';
import { createMachines } from '../machines/machines.ts';
import { readAptMirrors } from '../mirror/apt-sources.ts';
import { createMirrorCache } from '../mirror/cache.ts';
import { createMirrorListener } from '../mirror/listener.ts';
import { startMoto } from '../moto/process.ts';
import { createNetwork } from '../net/network.ts';
import { peerOf } from '../net/peer-socket.ts';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { startGateway } from '../net/start-gateway.ts';
import type { LabPaths } from '../paths.ts';
import { identify } from '../process-identity.ts';
import { reasonOf, stackOf } from '../reason.ts';
import { Cleanup } from './cleanup.ts';
import { httpDoor, metadataDoor, openDoors, webDoor } from './doors.ts';
import { listenOnLoopback } from './listen.ts';
import { restoreMemory } from './memory.ts';
import { registryDoor } from './registry-door.ts';
import { trackSubjects } from './subjects.ts';

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

export type Daemon = {
  readonly record: LabRecord;
  /** Ends every machine, process, link and mount. Resolves when nothing is left. */
  stop(why: string): Promise<void>;
  readonly stopped: Promise<void>;
};

export const USUAL_PORT = 4599;

/** Waits for all of it even when a part fails, so that nothing is still being made while the rest is taken down. */
async function together<T extends readonly unknown[]>(...work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(work);
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/**
 * Brings the lab up in this process. Slow parts that do not need each other run side by side; nothing is announced before all of
 * it answers.
 *
 * @throws whatever a part fails with, after everything that was already there has been taken down again
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { paths, log, progress } = options;
  const cleanup = new Cleanup(log);
  let stopping: Promise<void> | null = null;
  let announceStopped = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    announceStopped = resolve;
  });
  const stop = (why: string): Promise<void> => {
    stopping ??= (async () => {
      log(`going down: ${why}`);
      await cleanup.run();
      log('down');
      announceStopped();
    })();
    return stopping;
  };
  const dieWith = (what: string, ended: Promise<unknown>): void => {
    void ended.then((how) => {
      if (!stopping) void stop(`${what} ended unexpectedly (${String(how ?? 'no reason')})`);
    });
  };

  try {
    await recordProcess(paths, 'daemon', process.pid);
    cleanup.add('records', async () => {
      await forgetProcesses(paths);
      await removeLabRecord(paths);
    });

    const disks = createDisks(paths.disks);
    const calls = openCallLog(join(paths.state, 'calls.ndjson'));
    cleanup.add('log of calls', () => calls.close());

    const [moto, network, base, keys, mirrors] = await together(
      startMoto({
        cache: paths.cache,
        socket: join(paths.run, 'moto.sock'),
        store: join(paths.state, 'moto.pickle'),
        onLine: log,
      }).then(async (started) => {
        cleanup.add('moto', () => started.stop());
        await recordProcess(paths, 'moto', started.pid);
        dieWith('moto', started.ended);
        if (started.loaded.startsWith('unreadable')) progress(`the lab's memory was ${started.loaded}`);
        return started;
      }),
      createNetwork(paths).then((created) => {
        cleanup.add('network', () => created.destroy());
        return created;
      }),
      ensureBaseImage(paths, progress),
      loadIdentityKeys(paths),
      readAptMirrors(),
      publishExamples(options.project, paths.git),
    );

    await restoreMemory({ moto, disks, paths, base, log });
    const nspawn = await createMachines({ paths, network, log });
    cleanup.add('machines', () => nspawn.close());
    const { machines, lookup, interrupt } = trackSubjects(nspawn);

    const started = new Date();
    const pidStartTime = (await identify(process.pid))?.startTime ?? '';
    const owners = watchOwners(() => void stop('its owner is gone'));
    cleanup.add('owner watch', () => owners.stop());
    if (options.ownerPid === null) owners.keep();
    else await owners.add(options.ownerPid);
    let endpoint = '';
    const record = (): LabRecord => ({
      version: 1,
      pid: process.pid,
      pidStartTime,
      endpoint,
      ownerPid: owners.first(),
      startedAt: started.toISOString(),
      netns: network.namespace,
    });

    const ecs = createEcsShim({ log });
    cleanup.add('ecs', () => ecs.close());
    const service = createAwsService({
      services: new Map([['ecs', ecs.service]]),
      onGone: (instanceId) =>
        void ecs.forgetInstance(instanceId).catch((error: unknown) => log(`ecs: ${reasonOf(error)}`)),
      moto: moto.client,
      machines,
      disks,
      calls,
      log,
      status: async () => ({
        ...record(),
        instances: (await moto.client.control<LiveInstance[]>('live-instances')).map(
          ({ securityGroups: _, ...shown }) => shown,
        ),
        images: (await moto.client.control<{ images: unknown[] }>('inventory')).images,
      }),
      onOwner: async (pid) => {
        if (pid === null) owners.keep();
        else await owners.add(pid);
        await writeLabRecord(paths, record());
      },
      onLeave: (pid) => owners.leave(pid),
      identityCertificate: keys.certificatePem,
      interrupt,
    });

    const mirror = (name: string, upstream: string) =>
      createMirrorCache({ folder: join(paths.cache, 'apt', name), upstream, log });
    const inner = createServer(service.machines(({ socket }) => peerOf(socket) ?? 'unknown'));
    const api = createServer(service.loopback);
    for (const server of [inner, api]) {
      server.on('upgrade', (request, socket, head) => {
        if (!ecs.upgrade(request, socket, head)) socket.destroy();
      });
    }
    const doors = await openDoors(paths.run, [
      webDoor(
        createMirrorListener({
          debian: mirror('debian', mirrors.debian),
          'debian-security': mirror('debian-security', mirrors.debianSecurity),
        }),
        createGitListener(paths.git),
      ),
      httpDoor('api', SERVICE_ADDRESS, 8080, inner),
      registryDoor(paths.cache, log),
      metadataDoor(createImds({ lookup, keys })),
    ]);
    cleanup.add('doors', () => doors.close());
    const gateway = await startGateway(network.namespace, doors.gateway);
    cleanup.add('gateway', () => gateway.stop());
    await recordProcess(paths, 'gateway', gateway.pid);
    dieWith('the gateway', gateway.ended);

    const port = await listenOnLoopback(api, options.port, USUAL_PORT);
    cleanup.add('endpoint', () => {
      api.close();
      api.closeAllConnections();
    });
    endpoint = `http://127.0.0.1:${port}`;
    await writeLabRecord(paths, record());
    log(`up at ${endpoint}`);
    return { record: record(), stop, stopped };
  } catch (error) {
    log(`did not come up: ${stackOf(error)}`);
    stopping ??= cleanup.run();
    await stopping;
    throw error;
  }
}
