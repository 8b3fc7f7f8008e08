import { setTimeout as sleep } from 'node:timers/promises';
import { containerOf } from './container.ts';
import type { DockerClient } from './docker-client.ts';
import { readHost, refuseUntaught } from './host.ts';
import { log } from './log.ts';

/** Exit codes of the agent's container that mean something. */
const CODE = { success: 0, containerFailure: 2, terminal: 5, upgrade: 42 } as const;
const AGAIN = { leastMs: 500, mostMs: 15_000, jitter: 0.1 };
const TAIL = 200;

/** The agent said that starting it again is of no use. */
export class TerminalError extends Error {
  override readonly name: string = 'TerminalError';
}

export async function removeAgent(docker: DockerClient): Promise<void> {
  const old = await docker.findAgent();
  if (old === null) return log('No existing agent container to remove.');
  log(`Removing existing agent container ID: ${old}`);
  await docker.remove(old);
}

async function runOnce(docker: DockerClient): Promise<number> {
  await removeAgent(docker);
  log('Starting Amazon Elastic Container Service Agent');
  const facts = await readHost();
  refuseUntaught({ ...facts.process, ...facts.files });
  const id = await docker.start(containerOf(facts));
  const code = await docker.wait(id);
  log(`Agent exited with code ${code}`);
  if (code === CODE.containerFailure)
    log(`Captured the last ${TAIL} lines of the agent container logs\n${await docker.tail(id, TAIL)}`);
  return code;
}

/**
 * The agent's container, made anew after each of its ends, until it ends well.
 *
 * @throws TerminalError, and whatever Docker says when it is away
 */
export async function supervise(docker: DockerClient): Promise<void> {
  for (let pauseMs: number = AGAIN.leastMs; ; pauseMs = Math.min(pauseMs * 2, AGAIN.mostMs)) {
    const code = await runOnce(docker);
    if (code === CODE.success) return;
    if (code === CODE.terminal) throw new TerminalError(`agent exited with terminal exit code: ${code}`);
    if (code === CODE.upgrade) throw new Error("the lab's ecs-init was not taught to upgrade its agent");
    const jitteredMs = Math.round(pauseMs * (1 + AGAIN.jitter * Math.random()));
    log(`ECS Agent failed to start, retrying in ${jitteredMs}ms`, 'warn');
    await sleep(jitteredMs);
  }
}
