import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { ContainerEvent, ContainerFacts, DockerClient } from './docker.ts';
import type { Log } from './log.ts';
import type { WitnessedStart } from './record.ts';
import type { Resources } from './resources.ts';

/** Until what could not be made ready (a full disk) is tried again; twice that after each failure, up to a minute. */
const RETRY_MS = 5000;
const LONGEST_RETRY_MS = 60_000;
/** Between the witness and Docker's own "running" lie some milliseconds, or seconds while fifty containers start. */
const PENDING_MS = 30_000;
const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 500;

type Options = {
  readonly docker: Pick<DockerClient, 'look' | 'list'>;
  readonly resources: Resources;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly retryMs?: number;
  readonly pendingMs?: number;
};

/**
 * Makes running containers ready, and takes from those that have ended. What is, decides, not what was told: the
 * witness, Docker's events and a comparison are only reasons to look. So nothing is lost with an event, and looking
 * twice changes nothing.
 */
export class Containers {
  readonly #options: Required<Options>;
  /** Being looked at, and whether there was another reason meanwhile. */
  readonly #busy = new Map<string, { isDue: boolean }>();
  /** Of the witness and not seen running yet, until (by the monotonic clock) when. */
  readonly #pending = new Map<string, number>();
  /** Started since they were made ready: their ports are other ones. */
  readonly #isFresh = new Set<string>();
  #isKnown = false;
  readonly #failures = new Map<string, { times: number; timer: NodeJS.Timeout }>();

  constructor(options: Options) {
    this.#options = { retryMs: RETRY_MS, pendingMs: PENDING_MS, ...options };
  }

  /** The witness saw a start; the container runs in a moment, or has ended by then. */
  started({ id }: Pick<WitnessedStart, 'id'>): void {
    this.#pending.set(id, performance.now() + this.#options.pendingMs);
    this.#isFresh.add(id);
    this.#look(id);
  }

  take({ action, id }: ContainerEvent): void {
    if (action === 'start') this.#isFresh.add(id);
    // A replay may tell of a death that another start has followed: Docker is asked.
    else this.#pending.delete(id);
    this.#look(id);
  }

  /**
   * Looks at each container that there is, and at each that has something. @throws Error when Docker does not
   * answer
   */
  async reconcile(): Promise<void> {
    const all = await this.#options.docker.list();
    const there = new Set(all.filter(({ isRunning }) => isRunning).map(({ id }) => id));
    const assigned = new Set(this.#options.resources.assigned());
    for (const id of there) if (!assigned.has(id)) this.#look(id);
    for (const id of assigned) if (!there.has(id)) this.#look(id);
    await this.idle();
  }

  /**
   * After each (re)connection. For the first time in a life every container is looked at: what an earlier one has made
   * may be half done. @throws Error when Docker does not answer
   */
  async compare(): Promise<void> {
    if (!this.#isKnown) {
      for (const { id, isRunning } of await this.#options.docker.list()) if (isRunning) this.#isFresh.add(id);
      for (const id of this.#isFresh) this.#look(id);
      this.#isKnown = true;
    }
    await this.reconcile();
  }

  /** Until nothing is being looked at, except what may take its time. */
  async idle(): Promise<void> {
    const waiting = (): boolean => [...this.#busy.keys()].some((id) => !this.#pending.has(id));
    while (waiting() && !this.#options.signal.aborted) await sleep(5);
  }

  #look(id: string): void {
    if (this.#options.signal.aborted) return;
    const busy = this.#busy.get(id);
    if (busy) {
      busy.isDue = true;
      return;
    }
    const state = { isDue: false };
    this.#busy.set(id, state);
    // Takes its own failures, and tries again.
    void this.#settle(id, state);
  }

  async #settle(id: string, state: { isDue: boolean }): Promise<void> {
    do {
      state.isDue = false;
      try {
        await this.#settleOnce(id, state);
        this.#succeed(id);
      } catch (error) {
        this.#fail(id, error);
      }
    } while (state.isDue && !this.#options.signal.aborted);
    this.#busy.delete(id);
  }

  async #settleOnce(id: string, state: { isDue: boolean }): Promise<void> {
    const { docker, signal } = this.#options;
    for (let pauseMs = FIRST_LOOK_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS)) {
      const facts = await docker.look(id);
      if (facts?.isRunning) return this.#makeReady(facts);
      if (facts === null || !this.#isPending(id)) return this.#takeBack(id);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (state.isDue) return;
    }
  }

  #isPending(id: string): boolean {
    return (this.#pending.get(id) ?? 0) > performance.now();
  }

  async #makeReady({ id, name, ports }: ContainerFacts): Promise<void> {
    const { resources, log } = this.#options;
    this.#pending.delete(id);
    if (!this.#isFresh.has(id) && resources.assigned().includes(id)) return;
    // Before it is waited for: a start that comes meanwhile is another one.
    this.#isFresh.delete(id);
    try {
      if (await resources.assign(id, name, ports)) log.say('info', `container ${name} (${id.slice(0, 12)}) is ready`);
    } catch (error) {
      this.#isFresh.add(id);
      throw new Error(`container ${name}: ${reasonOf(error)}`);
    }
  }

  async #takeBack(id: string): Promise<void> {
    this.#pending.delete(id);
    this.#isFresh.delete(id);
    await this.#options.resources.release(id);
  }

  #succeed(id: string): void {
    clearTimeout(this.#failures.get(id)?.timer);
    this.#failures.delete(id);
  }

  /** No event tells of a disk that has room again, and a container may wait for its `.ready`. */
  #fail(id: string, error: unknown): void {
    const { log, signal, retryMs } = this.#options;
    if (signal.aborted) return;
    const before = this.#failures.get(id);
    if (!before) log.say('error', reasonOf(error));
    clearTimeout(before?.timer);
    const times = before?.times ?? 0;
    const timer = setTimeout(() => this.#look(id), Math.min(retryMs * 2 ** times, LONGEST_RETRY_MS)).unref();
    this.#failures.set(id, { times: times + 1, timer });
  }
}
