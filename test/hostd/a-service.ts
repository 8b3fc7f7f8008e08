import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostPhase } from '#contracts/host-service.ts';
import { type ControlOrder, openControl } from '../../hostd/control.ts';
import type { ContainerEvent, ContainerFacts, DockerClient } from '../../hostd/docker.ts';
import { Gate } from '../../hostd/gate.ts';
import { loadHostKey } from '../../hostd/host-key.ts';
import { createLog } from '../../hostd/log.ts';
import type { Notify } from '../../hostd/notify.ts';
import { Orders } from '../../hostd/orders.ts';
import { runService } from '../../hostd/service.ts';
import { createStateKeeper } from '../../hostd/state.ts';
import { makeCertificate } from '../../hostd/tls.ts';
import type { Units } from '../../hostd/units.ts';
import { Watchdog } from '../../hostd/watchdog.ts';
import { createWebserverClient } from '../../hostd/webserver-client.ts';
import { type Decision, startWebserver, type Webserver } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import { type IdentityAuthority, identityDocumentOf, instanceIdOf } from '../support/a-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

export const INSTANCE_ID = instanceIdOf(1);
export const PLACE_HELPER = join(import.meta.dirname, '../../packer/rootfs/opt/ecs-host/bin/ecs-host-place');

/** Answers what the service asks of IMDSv2, and nothing else. */
async function startImds(authority: IdentityAuthority) {
  const document = identityDocumentOf(INSTANCE_ID);
  const answers = new Map([
    ['PUT /latest/api/token', 'token'],
    ['GET /latest/dynamic/instance-identity/document', document],
    ['GET /latest/dynamic/instance-identity/signature', authority.sign(document)],
  ]);
  const server = createServer((request, response) => {
    const answer = answers.get(`${request.method} ${request.url}`);
    const isAllowed = request.method === 'PUT' || request.headers['x-aws-ec2-metadata-token'] === 'token';
    response.writeHead(answer === undefined ? 404 : isAllowed ? 200 : 401).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/latest`,
    answers,
    close: () => server.close(),
  };
}

/** Docker as a list of containers and the events that a test pushes. */
export function createTestDocker() {
  const containers = new Map<string, ContainerFacts>();
  const tasks = new Set<string>();
  let push: (event: ContainerEvent) => void = () => undefined;
  let end: () => void = () => undefined;
  const subscriptions: string[] = [];
  let isAway = false;
  const answer = async <T>(value: T): Promise<T> => {
    if (isAway) throw new Error('connect ECONNREFUSED /run/docker.sock');
    return value;
  };
  const client: DockerClient = {
    subscribe: async (onEvent) => {
      await answer(null);
      subscriptions.push('subscribed');
      push = onEvent;
      const ended = Promise.withResolvers<void>();
      end = ended.resolve;
      return { ended: ended.promise, close: ended.resolve };
    },
    list: () => answer([...containers.values()]),
    look: (id) => answer(containers.get(id) ?? null),
    runningTasks: () => answer([...tasks]),
    ping: async () => {
      await answer(null);
    },
  };
  return {
    client,
    containers,
    tasks,
    subscriptions,
    push: (event: ContainerEvent) => push(event),
    end: () => end(),
    /** Nothing is answered, and the subscription ends, until `comeBack`. */
    goAway: () => {
      isAway = true;
      end();
    },
    comeBack: () => {
      isAway = false;
    },
    /** A container runs from now on; without `quietly` its event is pushed. */
    run: (id: string, name: string, options: { quietly?: boolean; ports?: Record<string, number> } = {}) => {
      containers.set(id, { id, name, isRunning: true, ports: options.ports ?? {} });
      if (!options.quietly) push({ action: 'start', id });
    },
    die: (id: string) => {
      const facts = containers.get(id);
      if (!facts) throw new Error(`no container ${id}`);
      containers.set(id, { ...facts, isRunning: false });
      push({ action: 'die', id });
    },
  };
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/** Everything around a host service, in one process: a real webserver over TLS, IMDSv2, and units that only remember. */
export async function createWorld(authority: IdentityAuthority) {
  const folder = tempFolder();
  const happened: string[] = [];
  const lines: string[] = [];
  const running = new Set<string>();
  const crashed = new Set<string>();
  const failing = new Map<string, number>();
  const ecs = { arn: 'arn:one', isRegistered: true, statuses: [] as string[], trouble: null as string | null };
  const controlTrouble: string[] = [];
  let decision: Decision = { kind: 'grant' };
  let starts = 0;
  const imds = await startImds(authority);
  const tls = await makeSelfSigned('127.0.0.1');
  const docker = createTestDocker();
  const startServer = (port: number): Promise<Webserver> =>
    startWebserver({
      address: '127.0.0.1',
      port,
      tls,
      policy: { certificateOf: () => authority.certificate, accountIds: null, regions: null, imageIds: null },
      decide: () => {
        happened.push(`asked: ${decision.kind}`);
        return decision;
      },
    });
  let webserver = await startServer(0);
  const { port } = webserver;
  const configFile = join(folder, 'host.json');
  const config = {
    version: 1,
    webserverUrl: `https://127.0.0.1:${port}`,
    webserverCa: tls.cert,
    environment: 'test',
    drainSeconds: 1,
  };
  await writeFile(configFile, JSON.stringify(config));
  await mkdir(join(folder, 'containers', 'base-1'), { recursive: true });

  const isThere = (name: string): Promise<boolean> =>
    access(join(folder, name)).then(
      () => true,
      () => false,
    );
  const isGateOpen = (): Promise<boolean> => isThere('gate-open');
  const gateWord = async (): Promise<string> =>
    `gate ${(await isGateOpen()) ? ((await isThere('agent-open')) ? 'wide open' : 'open') : 'shut'}`;
  const units: Units = {
    start: async (names) => {
      for (const name of names) {
        const left = failing.get(name) ?? 0;
        if (left > 0) {
          failing.set(name, left - 1);
          throw new Error(`${name} does not start`);
        }
      }
      happened.push(`start ${names.join(' ')} (${await gateWord()})`);
      for (const name of names) {
        running.add(name);
        if (crashed.delete(name) && name === 'docker.service') docker.comeBack();
      }
    },
    stop: async (names) => {
      for (const name of names) if (running.delete(name)) happened.push(`stop ${name} (${await gateWord()})`);
    },
    kill: async (name) => void happened.push(`kill ${name}`),
    state: async (name) => (running.has(name) ? 'active' : crashed.has(name) ? 'failed' : 'inactive'),
  };

  const start = () => {
    const stopping = new AbortController();
    let again = Promise.withResolvers<void>();
    const state = createStateKeeper(join(folder, 'state.json'));
    const told: string[] = [];
    const log = createLog((line) => lines.push(line));
    const notify: Notify = {
      ready: () => void told.push('ready'),
      status: () => undefined,
      stopping: () => void told.push('stopping'),
      feed: () => undefined,
      extendTimeout: () => void (told.includes('extend') || told.push('extend')),
      watchdogMs: null,
    };
    const done = runService(
      {
        log,
        state,
        notify,
        watchdog: new Watchdog(notify, join(folder, 'alive')),
        orders: new Orders(log, [join(folder, 'order.json'), join(folder, 'disk-order.json')]),
        units,
        gate: new Gate((error) => lines.push(String(error)), {
          docker: join(folder, 'gate-open'),
          agent: join(folder, 'agent-open'),
        }),
        docker: docker.client,
        ecs: {
          instance: async () => {
            if (!running.has('ecs.service') || !ecs.isRegistered)
              throw new Error('connect ECONNREFUSED 127.0.0.1:51678');
            return { cluster: 'test', arn: ecs.arn };
          },
          setStatus: async ({ arn }, region, status) => {
            if (ecs.trouble !== null) throw new Error(ecs.trouble);
            ecs.statuses.push(`${arn} in ${region}: ${status}`);
            happened.push(`${status} (${await gateWord()})`);
          },
        },
        hostKey: () => loadHostKey(join(folder, 'host-key.pem')),
        openControl: async (onOrder: (order: ControlOrder) => void) => {
          if (controlTrouble.length > 0) throw new Error(controlTrouble[0]);
          return openControl({
            tls: await makeCertificate('test'),
            address: '127.0.0.1',
            port: 0,
            phase: () => state.now().phase,
            onOrder,
          });
        },
        paths: {
          config: configFile,
          starts: join(folder, 'starts'),
          assigned: join(folder, 'assigned.json'),
          drained: join(folder, 'drained'),
          placer: { containers: join(folder, 'containers'), outbox: join(folder, 'outbox'), helper: PLACE_HELPER },
        },
        imdsEndpoint: imds.endpoint,
        noticeEveryMs: 20,
        pulseTimes: { everyMs: 50, limitMs: 50, killAfterMs: 300 },
        compareEveryMs: 200,
        connect: (origin, ca, signal) => createWebserverClient(origin, ca, signal, 1000),
        heartbeatPause: { leastMs: 30, spreadMs: 10 },
      },
      { stop: stopping.signal, askAgain: () => again.promise },
    );
    const reach = async (phase: HostPhase): Promise<void> => {
      for (let tries = 0; state.now().phase !== phase; tries += 1) {
        if (tries > 500) throw new Error(`${phase} was not reached: ${state.now().phase}, ${lines.join('')}`);
        await sleep(10);
      }
    };
    return {
      state,
      told,
      reach,
      askAgain: () => {
        again.resolve();
        again = Promise.withResolvers<void>();
      },
      stop: async () => {
        stopping.abort();
        await done;
      },
    };
  };

  return {
    folder,
    configFile,
    config,
    happened,
    lines,
    running,
    failing,
    ecs,
    controlTrouble,
    imds,
    docker,
    isGateOpen,
    isThere,
    /** The witness writes a start down. */
    witness: (id: string) => {
      starts += 1;
      return writeFile(join(folder, 'starts', 'new', `${id}.${1000 + starts}.${starts}`), '');
    },
    waiting: () => readdir(join(folder, 'starts', 'new')),
    /** The unit ends, and systemd has given up on it. */
    crash: (unit: string) => {
      running.delete(unit);
      crashed.add(unit);
      if (unit === 'docker.service') docker.goAway();
    },
    start,
    webserver: () => webserver,
    decide: (next: Decision) => {
      decision = next;
    },
    /** The webserver is away, until `comeBack`, which remembers nothing. */
    goAway: () => webserver.close(),
    comeBack: async () => {
      webserver = await startServer(port);
    },
    said: (text: string): number => lines.filter((line) => line.includes(text)).length,
    [Symbol.asyncDispose]: async () => {
      imds.close();
      await webserver.close();
    },
  };
}
