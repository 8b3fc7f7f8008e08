import type { Docker } from './docker.ts';

/** What the agent asks Docker before it says a word to ECS. */
export type DockerFacts = { readonly version: string; readonly cpus: number; readonly memoryMiB: number };

/** ecs-init ends over it, whatever it was about to do. */
export class DockerAway extends Error {}

/** @throws DockerAway */
export async function probeDocker(docker: Docker): Promise<DockerFacts> {
  const [version, info] = await Promise.all([
    docker.ask<Record<string, unknown>>('GET', '/version'),
    docker.ask<Record<string, unknown>>('GET', '/info'),
  ]).catch((error: Error) => {
    throw new DockerAway(`Docker: ${error.message}`);
  });
  return {
    version: String(version['Version']),
    cpus: Number(info['NCPU']),
    memoryMiB: Math.floor(Number(info['MemTotal']) / 1024 / 1024),
  };
}
