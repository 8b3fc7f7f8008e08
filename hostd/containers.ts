import { uptime } from 'node:os';
import type { ContainerEvent, ContainerFacts, DockerClient } from './docker.ts';
import type { Log } from './log.ts';
import type { Resources } from './resources.ts';
import type { Starts } from './starts.ts';

/** A minute more, for clocks that were set since. What ended in an earlier boot is no start of this one. */
const bootedAtNs = (): bigint => BigInt(Math.floor(Date.now() - uptime() * 1000 - 60_000)) * 1_000_000n;

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
  readonly docker: Pick<DockerClient, 'inspect' | 'list'>;
  readonly resources: Resources;
  readonly starts: Starts;
  readonly log: Log;
  readonly onSeen: (seen: number) => void;
}): Containers => {
  const { docker, resources, starts, log, onSeen } = options;
  const queues = new Map<string, Promise<void>>();

  const inOrder = (name: string, work: () => Promise<void>): Promise<void> => {
    const before = queues.get(name) ?? Promise.resolve();
    const done = before.then(work).catch((error: unknown) => {
      log.say('error', `container ${name}: ${error instanceof Error ? error.message : String(error)}`);
    });
    queues.set(name, done);
    void done.then(() => {
      if (queues.get(name) === done) queues.delete(name);
    });
    return done;
  };

  const handle = async (facts: ContainerFacts, eventNs: bigint | null): Promise<void> => {
    const start = { id: facts.id, eventNs, startedAtNs: facts.startedAtNs };
    if (starts.has(start)) return;
    const isOurs = facts.isRunning && (await resources.assign(facts.name, facts.ports));
    starts.add(start, facts.name);
    onSeen(starts.count);
    if (isOurs) log.say('info', `container ${facts.name} (${facts.id.slice(0, 12)}) is ready`);
  };

  const started = async ({ id, name, atNs }: ContainerEvent): Promise<void> => {
    if (starts.has({ id, eventNs: atNs, startedAtNs: null })) return;
    const facts = await docker.inspect(id);
    // Another start may have followed by now; then Docker tells of that one, and this one is known by its event alone.
    const isThisStart = facts?.startedAtNs != null && facts.startedAtNs <= atNs;
    await handle(
      {
        id,
        name,
        isRunning: isThisStart && facts.isRunning,
        startedAtNs: isThisStart ? facts.startedAtNs : null,
        ports: isThisStart ? facts.ports : {},
      },
      atNs,
    );
  };

  const died = async ({ id, name }: ContainerEvent): Promise<void> => {
    // A replay may tell of a death that another start has followed.
    if ((await docker.inspect(id))?.isRunning) return;
    await resources.release(name);
  };

  return {
    take: (event) => {
      void inOrder(event.name, () => (event.action === 'start' ? started(event) : died(event)));
    },
    reconcile: async () => {
      const all = await docker.list();
      await Promise.all(
        all
          .filter(({ isRunning, startedAtNs }) => isRunning || (startedAtNs !== null && startedAtNs >= bootedAtNs()))
          .map(({ id, name }) =>
            inOrder(name, async () => {
              // Looked at again in its turn: events may have been worked off meanwhile.
              const facts = await docker.inspect(id);
              if (facts?.startedAtNs != null) await handle(facts, null);
            }),
          ),
      );
      const running = new Set(all.filter(({ isRunning }) => isRunning).map(({ name }) => name));
      for (const name of await resources.assigned()) {
        if (running.has(name)) continue;
        await inOrder(name, async () => {
          if (!(await docker.list()).some((facts) => facts.name === name && facts.isRunning))
            await resources.release(name);
        });
      }
    },
    idle: async () => {
      while (queues.size > 0) await Promise.all(queues.values());
    },
  };
};
