import { setTimeout as sleep } from 'node:timers/promises';

/** Tries again after 2, 4, 8 s and so on. (zx has the same, but not in its small entry, `zx/core`.) */
export async function retry<T>(tries: number, work: () => Promise<T>, firstPauseMs = 2000): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= tries) throw error;
      await sleep(firstPauseMs * 2 ** (attempt - 1));
    }
  }
}
