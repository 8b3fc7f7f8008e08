import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createDisks } from '../disks/disks.ts';
import { EcsShim } from '../ecs/shim.ts';
import { type AwsService, createAwsService } from '../endpoint/aws-service.ts';
import { type CallLog, openCallLog } from '../endpoint/call-log.ts';
import type { LiveInstance } from '../endpoint/facts.ts';
import { createGitListener } from '../git/serve.ts';
import { createImds } from '../imds/imds.ts';
import { Owners } from '../lifecycle/owners.ts';
import { forgetProcesses, type LabRecord, recordProcess, removeLabRecord } from '../lifecycle/records.ts';
import type { Disks, Machines } from '../machine-types.ts';
import { createMachines } from '../machines/machines.ts';
import { createAptMirror, openArchives } from '../mirror/apt-mirror.ts';
import { listenForPeers, peerOf } from '../net/peer-socket.ts';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { startGateway } from '../net/start-gateway.ts';
import { ensurePart } from '../parts/part.ts';
import { DISK, QEMU_BOOT } from '../parts/qemu-boot/boot-disk.ts';
import { reasonOf, stackOf } from '../reason.ts';
import { SessionManager } from '../ssm/session-manager.ts';
import { Announcement, takeOwner } from './announcement.ts';
import { baseImagesService, chooseSources } from './base-images-service.ts';
import { type Dependencies, startDependencies } from './dependencies.ts';
import { Lifetime } from './lifetime.ts';
import { listenOnLoopback } from './listen.ts';
import { restoreMemory } from './memory.ts';
import { MetadataInstances } from './metadata-instances.ts';
import { httpService, metadataService, type NamespaceService, serveAll, webService } from './namespace-services.ts';
import { type OfficialService, officialService } from './official-service.ts';
import type { DaemonOptions } from './options.ts';
import { buildImages, ecrPublic, registryService } from './registry-service.ts';

export type Daemon = {
  readonly record: LabRecord;
  /** Ends every machine, process, link and mount. Resolves when nothing is left. */
  stop(why: string): Promise<void>;
  readonly stopped: Promise<void>;
};

const USUAL_PORT = 4599;

/**
 * Brings the lab up in this process. Slow parts that do not need each other run side by side; nothing is announced
 * before all of it answers.
 *
 * @throws whatever a part fails with, after everything that was already there has been taken down again
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { log } = options;
  const lifetime = new Lifetime(log);
  try {
    const announcement = await bringUp(options, lifetime);
    const { record } = announcement;
    log(`up at ${record.endpoint}`);
    return { record, stop: lifetime.stop, stopped: lifetime.stopped };
  } catch (error) {
    log(`did not come up: ${stackOf(error)}`);
    await lifetime.abandon();
    throw error;
  }
}

async function bringUp(options: DaemonOptions, lifetime: Lifetime): Promise<Announcement> {
  const { paths, log } = options;
  const { cleanup } = lifetime;
  await recordProcess(paths, 'daemon', process.pid);
  cleanup.add('records', async () => {
    await forgetProcesses(paths);
    await removeLabRecord(paths);
  });

  const disks = createDisks(paths.disks);
  const calls = openCallLog(join(paths.state, 'calls.ndjson'));
  cleanup.add('log of calls', () => calls.close());
  const dependencies = await startDependencies(options, lifetime);
  const { moto, network, base } = dependencies;

  await restoreMemory({ moto, disks, paths, base, log });
  const bootDisk = async (): Promise<string> => join(await ensurePart(QEMU_BOOT, paths.cache, log), DISK);
  const booting = await createMachines({ paths, network, bootDisk, log });
  cleanup.add('machines', () => booting.close());
  const metadata = new MetadataInstances((instance) => moto.client.control('metadata-tags', instance));
  const sessions = new SessionManager({ instanceAt: metadata.managedAt, log });
  cleanup.add('sessions', () => sessions.close());
  const machines = withoutSessionsWhenOff(metadata.follow(booting), sessions);

  const owners = await watchFirstOwner(options, lifetime);
  const announcement = await Announcement.prepare(paths, owners, network.namespace);
  const ecs = new EcsShim({ log });
  cleanup.add('ecs', () => ecs.close());
  const parts = { dependencies, machines, disks, calls, metadata, owners, announcement, ecs, sessions };
  const service = createService(parts, log);

  const api = service.machines(({ socket }) => peerOf(socket) ?? 'unknown');
  const inner = withUpgrades(createServer(api), [ecs]);
  const images = buildImages(paths.cache, log);
  const archives = openArchives(paths.cache, dependencies.mirrors, log);
  const mirror = createAptMirror(archives);
  const sources = chooseSources(moto.client);
  const official = await officialService({
    mode: () => sources.current(),
    cache: paths.cache,
    archives,
    guests: [
      { names: ['public.ecr.aws'], http: createServer(ecrPublic(images)) },
      { names: API_NAMES, http: withUpgrades(createServer(overTls(api)), [ecs]) },
    ],
    log,
  });
  const services: readonly NamespaceService[] = [
    official.service,
    webService(mirror, createGitListener(paths.git), official.onRequest),
    httpService('api', SERVICE_ADDRESS, 8080, inner),
    registryService(images),
    metadataService(createImds({ lookup: metadata.lookup, keys: dependencies.keys })),
    { name: 'ssm', address: SERVICE_ADDRESS, port: 8443, serve: (path) => listenForPeers(path, sessions.onAgent) },
  ];
  await openToMachines(options, lifetime, dependencies, services, official.names);
  const withImages = baseImagesService({ paths, moto: moto.client, sources });
  const loopback = withImages(withOfficial(withMirror(service.loopback, mirror), official));
  const endpoint = withUpgrades(createServer(loopback), [ecs, sessions]);
  const port = await listenOnLoopback(endpoint, options.port, USUAL_PORT);
  cleanup.add('endpoint', () => {
    endpoint.close();
    endpoint.closeAllConnections();
  });
  await announcement.announce(`http://127.0.0.1:${port}`);
  return announcement;
}

async function watchFirstOwner({ ownerPid }: DaemonOptions, lifetime: Lifetime): Promise<Owners> {
  // Going down logs its own failures.
  const owners = new Owners(() => void lifetime.stop('its owner is gone'));
  lifetime.cleanup.add('owner watch', () => owners.stop());
  await takeOwner(owners, ownerPid);
  return owners;
}

type ServiceParts = {
  readonly dependencies: Dependencies;
  readonly machines: Machines;
  readonly disks: Disks;
  readonly calls: CallLog;
  readonly metadata: MetadataInstances;
  readonly owners: Owners;
  readonly announcement: Announcement;
  readonly ecs: EcsShim;
  readonly sessions: SessionManager;
};

/** The AWS endpoint, with the ECS control plane and Session Manager in front of moto's. */
function createService(parts: ServiceParts, log: (line: string) => void): AwsService {
  const { machines, disks, calls, metadata, owners, announcement, ecs, sessions } = parts;
  const { moto, keys } = parts.dependencies;
  const live = (): Promise<LiveInstance[]> => moto.client.control('live-instances');
  return createAwsService({
    services: new Map([
      ['ecs', ecs.service],
      ['ssm', sessions.service],
    ]),
    onGone: (instanceId) => {
      owners.instanceGone(instanceId);
      void ecs.forgetInstance(instanceId).catch((error: unknown) => log(`ecs: ${reasonOf(error)}`));
    },
    moto: moto.client,
    machines,
    disks,
    calls,
    log,
    status: async () => ({
      ...announcement.record,
      staysFor: owners.instances(),
      instances: (await live()).map(({ securityGroups: _, ...shown }) => shown),
      images: (await moto.client.control<{ images: unknown[] }>('inventory')).images,
    }),
    onOwner: (pid) => announcement.addOwner(pid),
    onInstanceOwner: (instanceId) =>
      owners.addInstance(instanceId, async () =>
        (await live()).some((one) => one.instanceId === instanceId && one.state !== 'shutting-down'),
      ),
    onLeave: (pid) => owners.leave(pid),
    identityCertificate: keys.certificatePem,
    interrupt: metadata.interrupt,
  });
}

type Upgrader = { upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean };

/** Websockets come to the same address and port as the calls. */
function withUpgrades(server: Server, upgraders: readonly Upgrader[]): Server {
  return server.on('upgrade', (request, socket, head) => {
    if (!upgraders.some((one) => one.upgrade(request, socket, head))) socket.destroy();
  });
}

/** Of the API, for what in a machine is told of no endpoint. */
const API_NAMES = ['ec2', 'ecs', 'ssm', 'sts'].map((service) => `${service}.*.amazonaws.com`);

/** Says how a call came, for the answers that name where to go next. */
function overTls(listener: RequestListener): RequestListener {
  return (request, response) => {
    request.headers['x-forwarded-proto'] = 'https';
    listener(request, response);
  };
}

const MIRROR_PATH = '/_lab/mirror/';

/** Whoever makes a plan asks which packages machines will find. */
function withMirror(loopback: RequestListener, mirror: RequestListener): RequestListener {
  return (request, response) => {
    if (!request.url?.startsWith(MIRROR_PATH)) return loopback(request, response);
    request.url = request.url.slice(MIRROR_PATH.length - 1);
    mirror(request, response);
  };
}

/** Whoever makes a plan asks the official hosts of the lab, too. */
function withOfficial(loopback: RequestListener, { api }: OfficialService): RequestListener {
  return (request, response) => {
    if (!api(request, response)) loopback(request, response);
  };
}

/** A machine that is off has no agent, however it went off. */
function withoutSessionsWhenOff(machines: Machines, sessions: SessionManager): Machines {
  return {
    ...machines,
    start: async (spec) => {
      sessions.forgetInstance(spec.instanceId);
      await machines.start(spec);
    },
    stop: async (instanceId, options) => {
      await machines.stop(instanceId, options);
      sessions.forgetInstance(instanceId);
    },
    terminate: async (instanceId) => {
      await machines.terminate(instanceId);
      sessions.forgetInstance(instanceId);
    },
  };
}

/** Serves what machines reach, and starts the gateway that forwards to it from inside the namespace. */
async function openToMachines(
  { paths }: DaemonOptions,
  lifetime: Lifetime,
  { network }: Dependencies,
  services: readonly NamespaceService[],
  names: readonly string[],
): Promise<void> {
  const served = await serveAll(paths.run, services);
  lifetime.cleanup.add('services', () => served.close());
  const gateway = await startGateway(network.namespace, served.forwards, names);
  lifetime.cleanup.add('gateway', () => gateway.stop());
  await recordProcess(paths, 'gateway', gateway.pid);
  lifetime.endWith('the gateway', gateway.ended);
}
