import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerDeath, ContainerStart } from './docker.ts';
import type { Log } from './log.ts';

/** A streaming container's private folder on the host, mounted into it; whoever runs the container makes it. */
export const CONTAINERS_FOLDER = '/var/lib/ecs-host/containers';

/** Docker's own rule for names; anything else must not become a path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

export type Containers = {
  started(event: ContainerStart): Promise<void>;
  died(event: ContainerDeath): Promise<void>;
  readonly seen: () => number;
};

/**
 * Makes each started container ready, exactly once for each start: writes the `.ready` file that a streaming container waits for. A container
 * without a private folder is none of ours and is only counted.
 */
export const createContainers = (options: {
  log: Log;
  folder?: string;
  onSeen: (seen: number) => void;
}): Containers => {
  const folder = options.folder ?? CONTAINERS_FOLDER;
  /** Ids of containers that run and were handled; a death forgets one, so that its next start counts again. */
  const handled = new Set<string>();
  let seen = 0;
  return {
    seen: () => seen,
    started: async ({ id, name }) => {
      if (handled.has(id)) return;
      handled.add(id);
      seen += 1;
      options.onSeen(seen);
      if (!NAME.test(name)) return;
      const own = join(folder, name);
      try {
        await access(own);
      } catch {
        return;
      }
      await writeFile(join(own, '.ready'), '');
      options.log.say('info', `container ${name} (${id.slice(0, 12)}) is ready`);
    },
    died: async ({ id, name }) => {
      if (!handled.delete(id) || !NAME.test(name)) return;
      await rm(join(folder, name, '.ready'), { force: true });
    },
  };
};
