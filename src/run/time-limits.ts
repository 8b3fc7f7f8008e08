/** How long the steps of a run may take. The numbers are the lab's; AWS boots, pulls and registers slower. */
export type TimeLimits = {
  /** From the launch until ssh lets us in. */
  readonly reachMs: number;
  readonly cloudInitMs: number;
  /** A host's first try at its webserver, from when that can be reached. */
  readonly askMs: number;
  /** From a grant until the host serves: first start of Docker and of the agent, with its image. */
  readonly serveMs: number;
  readonly registerMs: number;
  /** An agent registers first and connects a moment later. */
  readonly connectMs: number;
  readonly verifyMs: number;
  /** Until a task that ECS is to start does run: it is placed, and its image pulled beside the workload's build. */
  readonly taskMs: number;
};

const IN_THE_LAB: TimeLimits = {
  reachMs: 300_000,
  cloudInitMs: 300_000,
  askMs: 90_000,
  serveMs: 120_000,
  registerMs: 90_000,
  connectMs: 20_000,
  verifyMs: 120_000,
  taskMs: 240_000,
};
const FACTOR_ON_AWS = 3;

/** @param endpointUrl null means AWS itself */
export function timeLimits(endpointUrl: string | null): TimeLimits {
  if (endpointUrl !== null) return IN_THE_LAB;
  const longer = Object.entries(IN_THE_LAB).map(([name, limitMs]) => [name, limitMs * FACTOR_ON_AWS]);
  return Object.fromEntries(longer) as TimeLimits;
}
