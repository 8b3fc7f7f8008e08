import { relative } from 'node:path';
import { watch } from 'chokidar';
import { poll } from '../../io/wait-until.ts';
import { WORK_FOLDER } from './list.ts';

const DEBOUNCE_MS = 200;
const LOOK_MS = 2000;

/**
 * When to look again: soon after something changed here, and every two seconds for what changed there. Each round
 * looks at both sides, so that what a watcher misses is only later; one that the system has no room for is done
 * without.
 */
export class Wakes implements AsyncDisposable {
  readonly #watcher: ReturnType<typeof watch>;
  #changedAt: number | null = null;

  /** @param ignored paths below the folder that are not watched, such as what git ignores */
  constructor(folder: string, ignored: (path: string) => boolean, onProblem: (error: unknown) => void) {
    const isIgnored = (path: string): boolean => {
      const below = relative(folder, path);
      return below.split('/').some((part) => part === '.git' || part === WORK_FOLDER) || ignored(below);
    };
    this.#watcher = watch(folder, { ignored: isIgnored, ignoreInitial: true, followSymlinks: false });
    this.#watcher.on('all', () => {
      this.#changedAt = performance.now();
    });
    this.#watcher.on('error', onProblem);
  }

  /** Resolves when it is time for the next round; rejects when the signal fires. */
  async next(signal: AbortSignal): Promise<void> {
    const from = performance.now();
    const isTime = (): true | null => {
      const now = performance.now();
      if (now - from >= LOOK_MS) return true;
      return this.#changedAt !== null && now - this.#changedAt >= DEBOUNCE_MS ? true : null;
    };
    await poll(isTime, { timeoutMs: LOOK_MS * 2, intervalMs: 50, signal });
    this.#changedAt = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher.close();
  }
}
