import { setTimeout as sleep } from 'node:timers/promises';

/** IAM and EC2 say for some seconds that what they have just made is not there. */
const NOT_THERE_YET = /^(NoSuchEntity\w*|InvalidGroup\.NotFound)$/;
const ATTEMPTS = 10;
const WAIT_MS = 1500;

export async function patiently<T>(work: () => Promise<T>, waitMs = WAIT_MS): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || !NOT_THERE_YET.test(error.name) || attempt >= ATTEMPTS) throw error;
      await sleep(waitMs);
    }
  }
}
