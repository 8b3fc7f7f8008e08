import { request } from 'node:http';

/** What the agent asks Docker before it says a word to ECS. */
export type DockerFacts = { readonly version: string; readonly cpus: number; readonly memoryMiB: number };

/** The real agent's own variable, here for a unix socket only. */
const socketPath = (process.env['DOCKER_HOST'] ?? 'unix:///run/docker.sock').replace(/^unix:\/\//, '');

function get(path: string): Promise<Record<string, unknown>> {
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

export async function probeDocker(): Promise<DockerFacts> {
  const [version, info] = await Promise.all([get('/version'), get('/info')]);
  return {
    version: String(version['Version']),
    cpus: Number(info['NCPU']),
    memoryMiB: Math.floor(Number(info['MemTotal']) / 1024 / 1024),
  };
}
