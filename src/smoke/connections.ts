import { connectSsh, type Ssh } from '../host-access/ssh.ts';
import type { Releases } from '../run/releases.ts';
import { timeLimits } from '../run/time-limits.ts';
import type { Acquired } from './acquire.ts';
import type { LaunchInput } from './launch.ts';

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
    return ssh;
  }

  /** @returns null when the instance was never reached */
  of(instanceId: string): Ssh | null {
    return this.#open.get(instanceId) ?? null;
  }
}
