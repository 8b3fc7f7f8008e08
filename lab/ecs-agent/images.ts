import type { Docker } from './docker.ts';
import type { ImageSettings } from './settings.ts';

/** An image that the agent has pulled; times are milliseconds since 1970. */
export type KnownImage = { readonly name: string; readonly pulledAt: number; usedAt: number };

/** A pull that failed, in the words of the real agent. */
export class CannotPull extends Error {
  constructor(reason: string) {
    super(`CannotPullContainerError: ${reason}`);
  }
}

/** Pure: what a clean-up takes now: old enough, of no task, the least recently used first. */
export function removable(
  images: readonly KnownImage[],
  inUse: ReadonlySet<string>,
  { minimumAgeMs, perCycle }: ImageSettings,
  now: number,
): readonly KnownImage[] {
  return images
    .filter(({ name, pulledAt }) => !inUse.has(name) && pulledAt <= now - minimumAgeMs)
    .toSorted((a, b) => a.usedAt - b.usedAt)
    .slice(0, perCycle);
}

/** Pulls images of tasks, and removes those that no task needs any more. What people pulled or built is not touched. */
export class Images {
  readonly #docker: Docker;
  readonly #settings: ImageSettings;
  readonly #log: (text: string) => void;
  #known: readonly KnownImage[];

  constructor(
    docker: Docker,
    options: { settings: ImageSettings; log: (text: string) => void; known: readonly KnownImage[] },
  ) {
    this.#docker = docker;
    this.#settings = options.settings;
    this.#log = options.log;
    this.#known = options.known;
  }

  known(): readonly KnownImage[] {
    return this.#known;
  }

  /** By the agent's pull behaviour. @throws CannotPull */
  async provide(name: string): Promise<void> {
    const known = this.#known.find((image) => image.name === name);
    const { pullBehavior } = this.#settings;
    const isGoodEnough =
      (pullBehavior === 'prefer-cached' && (await this.#docker.isThere(name))) ||
      (pullBehavior === 'once' && known !== undefined);
    if (isGoodEnough) {
      if (known) known.usedAt = Date.now();
      return;
    }
    try {
      await this.#docker.pull(name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (pullBehavior === 'always' || pullBehavior === 'once' || !(await this.#docker.isThere(name)))
        throw new CannotPull(reason);
      this.#log(`${name} could not be pulled (${reason}); the one that is there is used`);
      return;
    }
    const at = Date.now();
    this.#known = [...this.#known.filter((image) => image.name !== name), { name, pulledAt: at, usedAt: at }];
  }

  /** @param inUse images of tasks whose containers are still there */
  async cleanUp(inUse: ReadonlySet<string>): Promise<void> {
    for (const image of removable(this.#known, inUse, this.#settings, Date.now())) {
      try {
        await this.#docker.ask('DELETE', `/images/${image.name}`, undefined, 60_000);
        this.#known = this.#known.filter((each) => each !== image);
        this.#log(`removed image ${image.name}`);
      } catch (error) {
        this.#log(`image ${image.name} stays: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
