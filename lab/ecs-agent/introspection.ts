import { createServer } from 'node:http';
import type { Identity } from './checkpoint.ts';
import type { KnownTask } from './known-task.ts';
import { AGENT_VERSION } from './sockets.ts';

const HOST = '127.0.0.1';
const PORT = 51_678;
const ANSWER_WITHIN_MS = 5000;

function describe({ payload, containers, desiredStatus, status }: KnownTask): Record<string, unknown> {
  return {
    Arn: payload.arn,
    DesiredStatus: desiredStatus,
    KnownStatus: status,
    Family: payload.family,
    Version: payload.version,
    Containers: containers
      .filter(({ dockerId }) => dockerId !== null)
      .map(({ name, dockerId, dockerName, networkBindings }) => ({
        DockerId: dockerId,
        DockerName: dockerName,
        Name: name,
        Ports: networkBindings.map(({ containerPort, hostPort, protocol }) => ({
          ContainerPort: containerPort,
          HostPort: hostPort,
          Protocol: protocol,
        })),
      })),
  };
}

/** Pure: the answer to one question, or null for a path that there is not. */
export function introspect(url: string, identity: Identity, tasks: readonly KnownTask[]): object | null {
  const { pathname, searchParams } = new URL(url, 'http://agent');
  if (pathname === '/v1/metadata') {
    return {
      Cluster: identity.cluster,
      ContainerInstanceArn: identity.containerInstanceArn,
      Version: `Amazon ECS Agent - ${AGENT_VERSION}`,
    };
  }
  if (pathname !== '/v1/tasks') return null;
  const [arn, id] = [searchParams.get('taskarn'), searchParams.get('dockerid')];
  if (arn === null && id === null) return { Tasks: tasks.map(describe) };
  const found = tasks.find(
    ({ payload, containers }) =>
      payload.arn === arn || containers.some(({ dockerId }) => id !== null && dockerId?.startsWith(id)),
  );
  return found ? describe(found) : null;
}

/** http://127.0.0.1:51678/v1/metadata and /v1/tasks, which tools on a host ask. */
export function serveIntrospection(
  identity: Identity,
  tasks: () => readonly KnownTask[],
  log: (text: string) => void,
): void {
  const server = createServer((request, response) => {
    const answer = introspect(request.url ?? '/', identity, tasks());
    response.writeHead(answer === null ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  });
  server.on('error', (error) => log(`introspection: ${error.message}`));
  server.listen(PORT, HOST).unref();
}

/** What the image's health check asks. @throws when no agent answers */
export async function checkHealth(): Promise<void> {
  await fetch(`http://${HOST}:${PORT}/v1/metadata`, { method: 'HEAD', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
}
