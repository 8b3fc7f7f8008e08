import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '#contracts/reason.ts';

export type Owned<T> = {
  readonly begin: () => Promise<T>;
  /** Should break off, and release what it made, when the signal aborts. */
  readonly work: (it: T, signal: AbortSignal) => Promise<void>;
  readonly end: (it: T) => Promise<void>;
  /** How long work that was interrupted may take for that. */
  readonly patienceMs?: number;
};

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

async function outOfPatience(signal: AbortSignal, patienceMs: number): Promise<void> {
  await once(signal, 'abort');
  await sleep(patienceMs);
}

/**
 * Works with something that must not outlive the program: it ends however the work ended, also on SIGINT and SIGTERM,
 * which abort the work; the exit code is then 130. A second signal changes nothing, so that whoever is impatient does
 * not leave half of it behind. What is begun is not broken off, since nobody could end a half.
 *
 * @throws what `begin`, `work` or `end` throw, unless they were interrupted
 */
export async function withEnding<T>({ begin, work, end, patienceMs = 10_000 }: Owned<T>): Promise<void> {
  const interruption = new AbortController();
  const { signal } = interruption;
  const onSignal = (name: NodeJS.Signals): void => {
    console.error(signal.aborted ? `${name}: still ending what was started` : `${name}: ending what was started`);
    interruption.abort(new Error(`interrupted by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    const it = await begin();
    try {
      if (!signal.aborted) await Promise.race([work(it, signal), outOfPatience(signal, patienceMs)]);
    } catch (error) {
      // How work breaks off that was interrupted is nobody's concern.
      if (!signal.aborted) throw error;
    } finally {
      await end(it);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error(reasonOf(error));
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
  // Work that did not break off would keep the process.
  if (signal.aborted) process.exit(130);
}
