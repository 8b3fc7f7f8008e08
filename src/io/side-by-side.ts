/**
 * The results of works of one kind, in their order, of which so many at most run at once: an API takes only so many
 * calls a second. `work` is told which of those side by side it is, from 0; each has one item or more.
 *
 * @throws what the first work that failed threw, after those under way have ended; nothing more is begun then
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T, worker: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let hasFailed = false;
  const follow = async (worker: number): Promise<void> => {
    for (const [at, item] of queue) {
      if (hasFailed) return;
      try {
        results[at] = await work(item, worker);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(most, items.length) }, (_, worker) => follow(worker));
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return results;
}
