import { connectSsh, type Ssh } from '../host-access/ssh.ts';
import type { Releases } from '../run/releases.ts';
import { timeLimits } from '../run/time-limits.ts';
import type { Acquired } from './acquire.ts';
import type { LaunchInput } from './launch.ts';

const END_MS = 10_000;

/**
 * A container whose first process does not heed SIGTERM keeps an instance that ends for the ten seconds that Docker
 * gives it. Nothing of it is looked at any more.
 */
export async function endContainers(ssh: Ssh): Promise<void> {
  const command = 'docker ps --quiet 2>/dev/null | xargs --no-run-if-empty docker kill >/dev/null 2>&1';
  await ssh.run(command, { timeoutMs: END_MS }).catch(() => undefined);
}

/** The ssh connections of a run, one to each instance. */
export class Connections {
  readonly #launch: LaunchInput;
  readonly #acquired: Acquired;
  readonly #releases: Releases;
  readonly #open = new Map<string, Ssh>();

  constructor(launch: LaunchInput, acquired: Acquired, releases: Releases) {
    this.#launch = launch;
    this.#acquired = acquired;
    this.#releases = releases;
  }

  /** Waits until the instance lets us in. @throws EcsHostError `SSH_UNREACHABLE` (outside) */
  async reach(instanceId: string): Promise<Ssh> {
    const { plan, signal } = this.#launch;
    const { keyFile, instances, auditor } = this.#acquired;
    const all = auditor === null ? instances : [...instances, auditor];
    const address = all.find((instance) => instance.instanceId === instanceId)?.address ?? '';
    const { apiRegion, endpointUrl } = plan;
    const { transport, sshUser: user } = plan.network;
    const target = { instanceId, address, user, keyFile, transport, apiRegion, endpointUrl };
    const ssh = await connectSsh(target, { timeoutMs: timeLimits(endpointUrl).reachMs, signal });
    this.#open.set(instanceId, ssh);
    this.#releases.add(`the connection to ${instanceId}`, 'here', async () => ssh[Symbol.asyncDispose]());
    this.#releases.add(`the containers of ${instanceId}`, 'in the region', () => endContainers(ssh));
    return ssh;
  }

  /** @returns null when the instance was never reached */
  of(instanceId: string): Ssh | null {
    return this.#open.get(instanceId) ?? null;
  }
}
