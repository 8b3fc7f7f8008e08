import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { probeDocker } from './docker-probe.ts';
import { readInstance } from './instance.ts';
import { createEcsClient, discover, register, Terminal } from './register.ts';
import { readSettings, SettingsError } from './settings.ts';
import { AGENT_VERSION, keepConnected } from './sockets.ts';

/**
 * The lab's stand-in for the Amazon ECS agent: registers over the real wire and stays connected. README.md is its
 * behaviour spec. Exit codes as the real one's: 5 is final, 1 may be tried again.
 */
function log(text: string): void {
  console.log(`level=info time=${new Date().toISOString()} msg=${JSON.stringify(text)}`);
}

/** Its own: the package holds what is in this folder. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

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
  server.listen(51678, '127.0.0.1').unref();
}

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const docker = await probeDocker();
  log(`Docker ${docker.version}, cluster ${settings.cluster}`);
  const instance = await readInstance();
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

try {
  await main();
} catch (error) {
  if (!stopping.signal.aborted) {
    log(`ended: ${reasonOf(error)}`);
    process.exitCode = error instanceof Terminal || error instanceof SettingsError ? 5 : 1;
  }
}
// Told to stop, it is gone at once, as the real one is: connections that are kept alive would hold it for seconds.
if (stopping.signal.aborted) process.exit();
