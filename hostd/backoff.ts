/**
 * Full jitter with a cap: a uniformly random pause below a bound that doubles. After an outage of the webserver its
 * hosts come back spread out instead of at once. Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
export function fullJitterMs(
  attempt: number,
  options: { baseMs: number; capMs: number },
  random: () => number = Math.random,
): number {
  return Math.floor(random() * Math.min(options.capMs, options.baseMs * 2 ** Math.min(attempt, 30)));
}
