import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DockerClient } from './docker-client.ts';
import { setUpGpus } from './gpu.ts';
import { readVariables, refuseUntaught } from './host.ts';
import { log } from './log.ts';
import { PATHS } from './paths.ts';
import { createRoutes, removeRoutes } from './routes.ts';
import { supervise, TerminalError } from './supervise.ts';
import { ECS_INIT_VERSION } from './version.ts';

/**
 * /usr/libexec/amazon-ecs-init of the lab's package. Exit codes as the real one's: 1 an action that it does not know, 5
 * the agent gave up, 255 anything else.
 */
const EXIT = { usage: 1, terminal: 5, failed: 255 } as const;

function isFilled(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** 0 nothing is cached, 1 it may be loaded already, 2 it has to be loaded: the package has just been installed. */
function cacheStatus(): number {
  if (!isFilled(PATHS.cacheState) || !isFilled(PATHS.tarball)) return 0;
  return Number.parseInt(readFileSync(PATHS.cacheState, 'utf8'), 10) || 0;
}

async function loadCached(docker: DockerClient): Promise<void> {
  if (cacheStatus() === 0) throw new Error("nothing is cached, and the lab's ecs-init was not taught to download");
  await docker.load(PATHS.tarball);
  writeFileSync(PATHS.cacheState, '1', { mode: 0o700 });
}

async function preStart(docker: DockerClient): Promise<void> {
  const variables = await readVariables();
  refuseUntaught({ ...process.env, ...variables });
  if (variables['ECS_ENABLE_GPU_SUPPORT'] === 'true') {
    log('pre-start: setting up GPUs');
    await setUpGpus();
  }
  await createRoutes(await docker.bridge());
  mkdirSync(PATHS.ebs, { recursive: true, mode: 0o755 });
  const isLoaded = await docker.hasAgentImage();
  log(`pre-start: ecs agent container image loaded presence: ${isLoaded}`);
  if (isLoaded && cacheStatus() === 1) return;
  log('pre-start: loading cached agent');
  await loadCached(docker);
}

async function stop(docker: DockerClient): Promise<void> {
  log('Stopping Amazon Elastic Container Service Agent');
  const id = await docker.findAgent();
  if (id === null) return log('No running Agent to stop');
  await docker.stop(id);
}

const ACTIONS: Readonly<Record<string, (docker: DockerClient) => Promise<void>>> = {
  'pre-start': preStart,
  start: supervise,
  'pre-stop': stop,
  stop,
  'reload-cache': loadCached,
  'post-stop': async (docker) => removeRoutes(await docker.bridge()),
};

async function main(name: string): Promise<number> {
  if (name === 'version') {
    console.log(`ecs-init version ${ECS_INIT_VERSION} (lab)`);
    return 0;
  }
  const action = ACTIONS[name];
  if (action === undefined) {
    console.log(`Usage: amazon-ecs-init ACTION\n\n Available actions:\n  ${Object.keys(ACTIONS).join('\n  ')}`);
    return EXIT.usage;
  }
  try {
    const docker = await DockerClient.connect();
    log(name);
    await action(docker);
    return 0;
  } catch (error) {
    log(error instanceof Error ? error.message : String(error), 'error');
    return error instanceof TerminalError ? EXIT.terminal : EXIT.failed;
  }
}

void main(process.argv[2] ?? '').then((code) => process.exit(code));
