import type { Owners } from '../lifecycle/owners.ts';
import { type LabRecord, writeLabRecord } from '../lifecycle/records.ts';
import type { LabPaths } from '../paths.ts';
import { identify } from '../process-identity.ts';

/** What lab.json says: this process, its endpoint once there is one, and its first owner. */
export class Announcement {
  readonly #paths: LabPaths;
  readonly #owners: Owners;
  readonly #fixed: Pick<LabRecord, 'version' | 'pid' | 'pidStartTime' | 'startedAt' | 'netns'>;
  #endpoint = '';

  private constructor(paths: LabPaths, owners: Owners, netns: string, pidStartTime: string) {
    this.#paths = paths;
    this.#owners = owners;
    this.#fixed = { version: 1, pid: process.pid, pidStartTime, startedAt: new Date().toISOString(), netns };
  }

  static async prepare(paths: LabPaths, owners: Owners, netns: string): Promise<Announcement> {
    return new Announcement(paths, owners, netns, (await identify(process.pid))?.startTime ?? '');
  }

  get record(): LabRecord {
    return { ...this.#fixed, endpoint: this.#endpoint, ownerPid: this.#owners.first() };
  }

  async announce(endpoint: string): Promise<void> {
    this.#endpoint = endpoint;
    await writeLabRecord(this.#paths, this.record);
  }

  /** A further owner, or null: the lab stays up until `down`. */
  async addOwner(pid: number | null): Promise<void> {
    await takeOwner(this.#owners, pid);
    await writeLabRecord(this.#paths, this.record);
  }
}

export async function takeOwner(owners: Owners, pid: number | null): Promise<void> {
  if (pid === null) owners.keep();
  else await owners.add(pid);
}
