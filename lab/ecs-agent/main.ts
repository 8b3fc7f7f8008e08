import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { DockerAway, probeDocker } from './docker-probe.ts';
import { type AgentEnvironment, agentEnvironment } from './environment.ts';
import { readInstance } from './instance.ts';
import { createEcsClient, discover, register, Terminal } from './register.ts';
import { readSettings } from './settings.ts';
import { AGENT_VERSION, keepConnected } from './sockets.ts';

/**
 * The lab's stand-in for ecs-init and the agent that it starts: registers over the real wire and stays connected.
 * README.md is its behaviour spec. Exit codes as ecs-init's: 0 told to stop, 5 final, 255 Docker is away; an agent that
 * ends with 1 is started again without an end of ecs-init. With `agent` it is the agent alone, which an ecs-init of its
 * own starts in a container.
 */
const EXIT = { usage: 1, error: 1, final: 5, dockerAway: 255 } as const;
/** Between two starts of the agent. */
const AGAIN = { leastMs: 500, mostMs: 15_000 };
/** Before the agent's first start Docker is asked so often, so long apart. */
const PING = { times: 6, leastMs: 1000, mostMs: 3000 };

function log(text: string): void {
  const line = `level=info time=${new Date().toISOString()} msg=${JSON.stringify(text)}`;
  console.log(line);
  // The container's own; on the host nobody sets it.
  const { ECS_LOGFILE } = process.env;
  if (ECS_LOGFILE !== undefined) appendFileSync(ECS_LOGFILE, `${line}\n`);
}

/** Its own: the package holds what is in this folder. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

const INTROSPECTION = { host: '127.0.0.1', port: 51678 };

/** http://127.0.0.1:51678/v1/metadata, which tools on a host ask. */
function serveIntrospection(cluster: string, arn: string): void {
  const server = createServer((request, response) => {
    const known = request.url === '/v1/metadata';
    response.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(
      known
        ? JSON.stringify({
            Cluster: cluster,
            ContainerInstanceArn: arn,
            Version: `Amazon ECS Agent - ${AGENT_VERSION}`,
          })
        : '{}',
    );
  });
  server.on('error', (error) => log(`introspection: ${error.message}`));
  server.listen(INTROSPECTION.port, INTROSPECTION.host).unref();
}

/** `pre-start`: the real one also loads the agent's image. @throws DockerAway */
async function preStart(): Promise<void> {
  for (let times = 1; ; times += 1) {
    try {
      await probeDocker(process.env['DOCKER_HOST']);
      return;
    } catch (error) {
      if (times === PING.times) throw error;
      const pauseMs = Math.min(PING.leastMs * 2 ** (times - 1), PING.mostMs);
      await sleep(pauseMs, undefined, { signal: stopping.signal });
    }
  }
}

/** One life of the agent. */
async function runAgent(environment: AgentEnvironment): Promise<void> {
  const settings = readSettings(environment, log);
  const docker = await probeDocker(process.env['DOCKER_HOST']);
  log(`Docker ${docker.version}, cluster ${settings.cluster}`);
  const instance = await readInstance(environment['AWS_EC2_METADATA_SERVICE_ENDPOINT']);
  const client = createEcsClient(settings, instance);
  const checkpoint = await register(client, {
    settings,
    instance,
    docker,
    checkpoint: await readCheckpoint(settings.dataFolder),
  });
  await writeCheckpoint(settings.dataFolder, checkpoint);
  log(`registered as ${checkpoint.containerInstanceArn}`);
  serveIntrospection(checkpoint.cluster, checkpoint.containerInstanceArn);
  for (;;) {
    try {
      await keepConnected(await discover(client, checkpoint), { checkpoint, docker }, { log, signal: stopping.signal });
      return;
    } catch (error) {
      log(`poll endpoint: ${reasonOf(error)}`);
      await sleep(2000, undefined, { signal: stopping.signal });
    }
  }
}

/** `start`: the agent, again and again unless it is final. @throws Terminal, DockerAway */
async function supervise(): Promise<void> {
  for (let pauseMs = AGAIN.leastMs; ; pauseMs = Math.min(pauseMs * 2, AGAIN.mostMs)) {
    try {
      return await runAgent(agentEnvironment(process.env['ECS_LAB_ROOT']));
    } catch (error) {
      if (stopping.signal.aborted || error instanceof Terminal || error instanceof DockerAway) throw error;
      log(`ECS Agent failed to start, retrying in ${pauseMs} ms: ${reasonOf(error)}`);
      await sleep(pauseMs, undefined, { signal: stopping.signal });
    }
  }
}

/** Of the container: whether the agent answers. @throws when it does not */
async function checkHealth(): Promise<void> {
  const { host, port } = INTROSPECTION;
  await fetch(`http://${host}:${port}/v1/metadata`, { method: 'HEAD', signal: AbortSignal.timeout(5000) });
}

const VERBS: Readonly<Record<string, () => Promise<void>>> = {
  'pre-start': preStart,
  start: supervise,
  agent: () => runAgent(process.env),
  '--healthcheck': checkHealth,
};
const verbName = process.argv[2] ?? '';
const isInContainer = verbName === 'agent' || verbName === '--healthcheck';

try {
  const verb = VERBS[verbName];
  if (verb === undefined) process.exitCode = EXIT.usage;
  else await verb();
} catch (error) {
  if (!stopping.signal.aborted) {
    log(`ended: ${reasonOf(error)}`);
    process.exitCode = error instanceof Terminal ? EXIT.final : isInContainer ? EXIT.error : EXIT.dockerAway;
  }
}
// Told to stop, it is gone at once, as the real one is: connections that are kept alive would hold it for seconds.
if (stopping.signal.aborted) process.exit();
