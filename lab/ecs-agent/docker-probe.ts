import { request } from 'node:http';

/** What the agent asks Docker before it says a word to ECS. */
export type DockerFacts = { readonly version: string; readonly cpus: number; readonly memoryMiB: number };

/** ecs-init ends over it, whatever it was about to do. */
export class DockerAway extends Error {}

function get(socketPath: string, path: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, headers: { Host: 'docker' }, timeout: 5000 }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('Docker does not answer')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/**
 * @param host `DOCKER_HOST` as systemd has it, here for a unix socket only
 * @throws DockerAway
 */
export async function probeDocker(host = 'unix:///run/docker.sock'): Promise<DockerFacts> {
  const socketPath = host.replace(/^unix:\/\//, '');
  const [version, info] = await Promise.all([get(socketPath, '/version'), get(socketPath, '/info')]).catch(
    (error: Error) => {
      throw new DockerAway(`Docker: ${error.message}`);
    },
  );
  return {
    version: String(version['Version']),
    cpus: Number(info['NCPU']),
    memoryMiB: Math.floor(Number(info['MemTotal']) / 1024 / 1024),
  };
}
