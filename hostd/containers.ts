import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerEvent, type ContainerFacts, type DockerClient, Refusal } from './docker.ts';
import type { Log } from './log.ts';
import type { Resources } from './resources.ts';
import type { Start, Starts } from './starts.ts';

/** A minute more, for clocks that were set since. What ended in an earlier boot is no start of this one. */
const bootedAtNs = (): bigint => BigInt(Math.floor(Date.now() - uptime() * 1000 - 60_000)) * 1_000_000n;

const AWAY_MS = 200;
/** Until what could not be handled (a full disk) is tried again. */
const RETRY_MS = 5000;

/** A start that was seen is not lost because Docker went away before it could be asked: it is asked again when it is back. */
const onceBack = async <T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refusal || signal.aborted) throw error;
      await sleep(AWAY_MS, undefined, { signal });
    }
  }
};

export type Containers = {
  /** Takes one event; events of one container are worked off in their order, those of different ones side by side. */
  take(event: ContainerEvent): void;
  /** Compares with all containers that there are: handles starts that no event told of, releases what no running container has. */
  reconcile(): Promise<void>;
  /** Until everything that was taken is worked off. */
  idle(): Promise<void>;
};

/** Handles each start of each container exactly once, and gives back what a dead one had. */
export const createContainers = (options: {
  readonly docker: Pick<DockerClient, 'inspect' | 'list' | 'peek'>;
  readonly resources: Resources;
  readonly starts: Starts;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onSeen: (seen: number) => void;
  readonly retryMs?: number;
}): Containers => {
  const { docker, resources, starts, log, signal, onSeen, retryMs = RETRY_MS } = options;
  const queues = new Map<string, Promise<void>>();
  /** Names of those that could not be handled; said once. */
  const failing = new Set<string>();
  let isRetryDue = false;

  /** No event tells of a disk that has room again, and a container may wait for its `.ready`: so all are compared again. */
  const retryLater = async (): Promise<void> => {
    if (isRetryDue) return;
    isRetryDue = true;
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    isRetryDue = false;
    // When Docker is away, all are compared once it is back.
    if (!signal.aborted) await reconcile().catch(() => undefined);
  };

  const inOrder = (name: string, work: () => Promise<void>): Promise<void> => {
    const before = queues.get(name) ?? Promise.resolve();
    const done = before.then(work).then(
      () => void failing.delete(name),
      (error: unknown) => {
        if (signal.aborted) return;
        if (!failing.has(name))
          log.say('error', `container ${name}: ${error instanceof Error ? error.message : String(error)}`);
        failing.add(name);
        void retryLater();
      },
    );
    queues.set(name, done);
    void done.then(() => {
      if (queues.get(name) === done) queues.delete(name);
    });
    return done;
  };

  const handle = async (
    start: Start,
    name: string,
    { isRunning, ports }: Pick<ContainerFacts, 'isRunning' | 'ports'>,
  ): Promise<void> => {
    const isOurs = isRunning && (await resources.assign(name, ports));
    starts.add(start, name);
    onSeen(starts.count);
    if (isOurs) log.say('info', `container ${name} (${start.id.slice(0, 12)}) is ready`);
  };

  /** When it is over by now, or another start has followed, it was a start all the same; whoever runs now gets what runs now needs. */
  const started = async ({ id, name, atNs }: ContainerEvent): Promise<void> => {
    const start = { id, eventNs: atNs, startedAtNs: null };
    const recognition = starts.recognise(start);
    if (recognition === 'handled') return;
    if (recognition !== 'new') {
      const startedAtNs = (await onceBack(() => docker.inspect(id), signal))?.startedAtNs ?? null;
      const isNext = startedAtNs !== null && startedAtNs !== recognition.maybe && startedAtNs <= atNs;
      if (!isNext) return starts.complete(start, { eventNs: null, startedAtNs: recognition.maybe });
    }
    const facts = await onceBack(() => docker.peek(id), signal);
    await handle(start, name, facts ?? { isRunning: false, ports: {} });
  };

  const died = async ({ id, name }: ContainerEvent): Promise<void> => {
    // A replay may tell of a death that another start has followed.
    if ((await onceBack(() => docker.peek(id), signal))?.isRunning) return;
    await resources.release(name);
  };

  const reconcile = async (): Promise<void> => {
    const all = await docker.list();
    await Promise.all(
      all
        .filter(({ isRunning, startedAtNs }) => isRunning || (startedAtNs !== null && startedAtNs >= bootedAtNs()))
        .map(({ id, name }) =>
          inOrder(name, async () => {
            // Looked at again in its turn: events may have been worked off meanwhile.
            const facts = await onceBack(() => docker.inspect(id), signal);
            if (facts?.startedAtNs == null) return;
            const start = { id, eventNs: null, startedAtNs: facts.startedAtNs };
            if (starts.recognise(start) === 'new') await handle(start, name, facts);
          }),
        ),
    );
    const running = new Set(all.filter(({ isRunning }) => isRunning).map(({ name }) => name));
    for (const name of await resources.assigned()) {
      if (running.has(name)) continue;
      await inOrder(name, async () => {
        if (!(await onceBack(() => docker.list(), signal)).some((facts) => facts.name === name && facts.isRunning))
          await resources.release(name);
      });
    }
  };

  return {
    take: (event) => {
      void inOrder(event.name, () => (event.action === 'start' ? started(event) : died(event)));
    },
    reconcile,
    idle: async () => {
      while (queues.size > 0) await Promise.all(queues.values());
    },
  };
};
