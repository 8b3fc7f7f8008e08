import { UserProblem } from '../problem.ts';
import { reasonOf } from '../reason.ts';
import { type Fault, type FaultKind, parseFault } from './faults.ts';
import type { OfficialHost } from './hosts.ts';
import { hostNamed } from './names.ts';
import { damaged, missing, type Served } from './served.ts';

/** Packages and installers: what a checksum is of, as a rule. */
const PAYLOAD = /\.(deb|zip|run|tar\.gz)$/;

/** The official hosts of the lab, and what is wrong with them by order. */
export class Official {
  readonly hosts: readonly OfficialHost[];
  readonly #log: (line: string) => void;
  #faults: readonly Fault[] = [];

  constructor(hosts: readonly OfficialHost[], log: (line: string) => void) {
    this.hosts = hosts;
    this.#log = log;
  }

  get faults(): readonly Fault[] {
    return this.#faults;
  }

  /** @throws UserProblem when it is no fault, or none of that host */
  addFault(value: unknown): void {
    const fault = parseFault(value);
    const host = hostNamed(this.hosts, fault.host);
    if (host === null) throw new UserProblem(`the lab has no official host ${fault.host}`);
    if (!host.faults.includes(fault.fault))
      throw new UserProblem(`${fault.host} knows no fault ${fault.fault}, but ${host.faults.join(', ')}`);
    this.#faults = [...this.#faults, fault];
  }

  clearFaults(): void {
    this.#faults = [];
  }

  /** The fault by which a host's answer at a path is wrong; of a path of null, its key. */
  faultOf(host: string, path: string | null): FaultKind | null {
    const one = hostNamed(this.hosts, host);
    const isMeant = (fault: Fault): boolean =>
      hostNamed(this.hosts, fault.host) === one && (path === null || fault.path === null || fault.path === path);
    return this.#faults.find(isMeant)?.fault ?? null;
  }

  /** Never throws: a part that cannot be built is told to whoever asks for it. */
  async answer(host: string, path: string): Promise<Served> {
    const one = hostNamed(this.hosts, host);
    if (one === null) return missing(`the lab has no official host ${host}`);
    const fault = this.faultOf(host, path);
    if (fault === 'missing') return missing('a fault of the lab: it is not there');
    try {
      const served = await one.answer({ host: host.toLowerCase(), path, fault });
      const isDamaged =
        fault === 'wrong-checksum' && (PAYLOAD.test(path) || this.#faults.some((each) => each.path === path));
      return isDamaged ? damaged(served) : served;
    } catch (error) {
      const reason = reasonOf(error);
      this.#log(`official: ${host}${path}: ${reason}`);
      return { kind: 'refused', status: 502, reason };
    }
  }
}
