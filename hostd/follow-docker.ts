import { setTimeout as sleep } from 'node:timers/promises';
import { Containers } from './containers.ts';
import type { DockerClient } from './docker.ts';
import { Events } from './events.ts';
import type { Log } from './log.ts';
import type { Notify } from './notify.ts';
import { Placer, type PlacerPaths } from './placer.ts';
import { Resources } from './resources.ts';
import { DOCKER_UNIT, type Units } from './units.ts';

/** A comparison with everything that Docker has costs one question. */
const COMPARE_EVERY_MS = 10_000;
/** Between two looks at a Docker that is down. */
const DOWN_MS = 1000;

type Docker = Pick<DockerClient, 'subscribe' | 'list' | 'look'>;

export type Following = {
  readonly docker: Docker;
  readonly units: Pick<Units, 'state'>;
  readonly log: Log;
  readonly notify: Pick<Notify, 'status'>;
  readonly paths: { readonly assigned: string; readonly placer: PlacerPaths };
  readonly downMs?: number;
  readonly compareEveryMs?: number;
};

/** A client that never wakes a Docker which somebody stopped: its socket unit would start it for whoever knocks. */
function whileItRuns({ docker, units }: Following): Docker {
  const assertUp = async (): Promise<void> => {
    const state = await units.state(DOCKER_UNIT);
    if (state !== 'active' && state !== 'reloading') throw new Error(`${DOCKER_UNIT} is ${state}`);
  };
  return {
    subscribe: async (onEvent) => {
      await assertUp();
      return docker.subscribe(onEvent);
    },
    list: async () => {
      await assertUp();
      return docker.list();
    },
    look: async (id) => {
      await assertUp();
      return docker.look(id);
    },
  };
}

/**
 * Makes containers ready for as long as the signal allows, without a gate, a record or a webserver: what the host
 * service does between the opening of its gate and its end, for a developer's machine (docs/decisions/0140).
 */
export async function followDocker(following: Following, signal: AbortSignal): Promise<void> {
  const { log, notify, paths, downMs = DOWN_MS, compareEveryMs = COMPARE_EVERY_MS } = following;
  const docker = whileItRuns(following);
  const placer = new Placer(log, paths.placer);
  const containers = new Containers({ docker, resources: new Resources(placer, log, paths.assigned), log, signal });
  const events = new Events({
    docker,
    log,
    signal,
    onEvent: (event) => containers.take(event),
    compare: async () => {
      await containers.compare();
      notify.status('follows Docker');
    },
    onLost: async () => {
      notify.status('waits for Docker');
      await sleep(downMs, undefined, { signal }).catch(() => undefined);
    },
  });
  const comparing = compareAgain(containers, compareEveryMs, signal);
  await events.run();
  await comparing;
  placer.close();
}

async function compareAgain(containers: Containers, everyMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    // A Docker that does not answer is told of where its events are followed.
    if (!signal.aborted) await containers.reconcile().catch(() => undefined);
  }
}
