import { setTimeout as sleep } from 'node:timers/promises';
import type { ECSClient } from '@aws-sdk/client-ecs';
import { CheckpointFile, type Identity, readCheckpoint } from './checkpoint.ts';
import { Docker } from './docker.ts';
import { type DockerFacts, probeDocker } from './docker-probe.ts';
import type { AgentEnvironment } from './environment.ts';
import { type Gpus, readGpus } from './gpu.ts';
import { Images } from './images.ts';
import { readInstance } from './instance.ts';
import { serveIntrospection } from './introspection.ts';
import type { KnownTask } from './known-task.ts';
import { Orders } from './orders.ts';
import { createEcsClient, discover, register } from './register.ts';
import { Reporter } from './reporter.ts';
import { readSettings, type Settings } from './settings.ts';
import { keepConnected } from './sockets.ts';
import { TaskEngine } from './task-engine.ts';

export type AgentOptions = {
  /** Where the files of the host are. */
  readonly root: string;
  readonly environment: AgentEnvironment;
  /** `DOCKER_HOST` */
  readonly dockerHost: string | undefined;
  readonly log: (text: string) => void;
  readonly signal: AbortSignal;
};

const DISCOVER_AGAIN_MS = 2000;

type Registered = {
  readonly settings: Settings;
  readonly client: ECSClient;
  readonly identity: Identity;
  readonly docker: Docker;
  readonly facts: DockerFacts;
  readonly gpus: Gpus | null;
};

async function registerAgent(options: AgentOptions): Promise<Registered> {
  const { log, root, environment } = options;
  const settings = readSettings(environment, log);
  const docker = new Docker(options.dockerHost);
  const facts = await probeDocker(docker);
  log(`Docker ${facts.version}, cluster ${settings.cluster}`);
  const gpus = settings.hasGpuSupport ? await readGpus(root, log) : null;
  const instance = await readInstance(environment['AWS_EC2_METADATA_SERVICE_ENDPOINT']);
  const client = createEcsClient(settings, instance);
  const known = await readCheckpoint(settings.dataFolder);
  const identity = await register(client, { settings, instance, docker: facts, gpus, known });
  log(`registered as ${identity.containerInstanceArn}`);
  return { settings, client, identity, docker, facts, gpus };
}

function usedImages(tasks: readonly KnownTask[]): Set<string> {
  return new Set(tasks.flatMap(({ payload }) => payload.containers.map(({ image }) => image)));
}

/** What runs tasks, with all that it remembers. */
async function startEngine(
  { settings, client, identity, docker, gpus }: Registered,
  { log, signal }: AgentOptions,
): Promise<{ readonly engine: TaskEngine; readonly orders: Orders }> {
  const before = await readCheckpoint(settings.dataFolder);
  const file = new CheckpointFile(settings.dataFolder);
  const images = new Images(docker, { settings: settings.images, log, known: before?.images ?? [] });
  const save = (): Promise<void> =>
    file.write(() => ({
      ...identity,
      sequence: orders.sequence(),
      tasks: engine.tasks(),
      images: images.known(),
    }));
  const reporter = new Reporter(client, identity, { log, signal, sent: () => void save() });
  const engine = new TaskEngine(docker, {
    ...settings,
    gpus: gpus?.ids ?? [],
    images,
    log,
    changed: async (task) => {
      await save();
      reporter.report(task);
    },
  });
  const orders = new Orders(engine, { sequence: before?.sequence ?? 0, log });
  engine.adopt(before?.tasks ?? []);
  await save();
  if (!settings.images.isKept)
    setInterval(() => void images.cleanUp(usedImages(engine.tasks())).then(save), settings.images.intervalMs).unref();
  return { engine, orders };
}

/** One life of the agent, until it is told to stop. @throws Terminal, DockerAway; Error when it is to be tried again */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { log, signal } = options;
  const registered = await registerAgent(options);
  const { client, identity, facts } = registered;
  const { engine, orders } = await startEngine(registered, options);
  serveIntrospection(identity, () => engine.tasks(), log);
  const session = {
    identity,
    docker: facts,
    sequence: () => orders.sequence(),
    onOrder: orders.take.bind(orders),
  };
  for (;;) {
    try {
      await keepConnected(await discover(client, identity), session, { log, signal });
      return;
    } catch (error) {
      log(`poll endpoint: ${error instanceof Error ? error.message : String(error)}`);
      await sleep(DISCOVER_AGAIN_MS, undefined, { signal });
    }
  }
}
