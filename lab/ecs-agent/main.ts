import { setTimeout as sleep } from 'node:timers/promises';
import { runAgent } from './agent.ts';
import { Docker } from './docker.ts';
import { DockerAway, probeDocker } from './docker-probe.ts';
import { agentEnvironment } from './environment.ts';
import { Terminal } from './register.ts';

/**
 * The lab's stand-in for ecs-init and the agent that it starts, over the real agent's wire.
 * README.md is its behaviour spec. Exit codes as ecs-init's: 0 told to stop, 5 final, 255 Docker is away; an agent that
 * ends with 1 is started again without an end of ecs-init.
 */
const EXIT = { usage: 1, final: 5, dockerAway: 255 } as const;
/** Between two starts of the agent. */
const AGAIN = { leastMs: 500, mostMs: 15_000 };
/** Before the agent's first start Docker is asked so often, so long apart. */
const PING = { times: 6, leastMs: 1000, mostMs: 3000 };

function log(text: string): void {
  console.log(`level=info time=${new Date().toISOString()} msg=${JSON.stringify(text)}`);
}

/** Its own: the package holds what is in this folder. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

/** `pre-start`: the real one also loads the agent's image. @throws DockerAway */
async function preStart(): Promise<void> {
  for (let times = 1; ; times += 1) {
    try {
      await probeDocker(new Docker(process.env['DOCKER_HOST']));
      return;
    } catch (error) {
      if (times === PING.times) throw error;
      const pauseMs = Math.min(PING.leastMs * 2 ** (times - 1), PING.mostMs);
      await sleep(pauseMs, undefined, { signal: stopping.signal });
    }
  }
}

/** `start`: the agent, again and again unless it is final. @throws Terminal, DockerAway */
async function supervise(): Promise<void> {
  for (let pauseMs = AGAIN.leastMs; ; pauseMs = Math.min(pauseMs * 2, AGAIN.mostMs)) {
    try {
      const root = process.env['ECS_LAB_ROOT'] ?? '/';
      const environment = agentEnvironment(root);
      const dockerHost = process.env['DOCKER_HOST'];
      return await runAgent({ root, environment, dockerHost, log, signal: stopping.signal });
    } catch (error) {
      if (stopping.signal.aborted || error instanceof Terminal || error instanceof DockerAway) throw error;
      log(`ECS Agent failed to start, retrying in ${pauseMs} ms: ${reasonOf(error)}`);
      await sleep(pauseMs, undefined, { signal: stopping.signal });
    }
  }
}

const VERBS: Readonly<Record<string, () => Promise<void>>> = { 'pre-start': preStart, start: supervise };

try {
  const verb = VERBS[process.argv[2] ?? ''];
  if (verb === undefined) process.exitCode = EXIT.usage;
  else await verb();
} catch (error) {
  if (!stopping.signal.aborted) {
    log(`ended: ${reasonOf(error)}`);
    process.exitCode = error instanceof Terminal ? EXIT.final : EXIT.dockerAway;
  }
}
// Told to stop, it is gone at once, as the real one is: connections that are kept alive would hold it for seconds.
if (stopping.signal.aborted) process.exit();
