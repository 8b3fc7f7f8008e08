/**
 * How long the steps of a run may take: so much that whoever waits longer waits in vain, also where several hosts share
 * two processors.
 */
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
  askMs: 240_000,
  serveMs: 300_000,
  registerMs: 240_000,
  connectMs: 60_000,
  verifyMs: 300_000,
  taskMs: 480_000,
};

/** AWS boots, pulls, registers and compiles slower, but a host has its processors to itself. */
const ON_AWS: TimeLimits = {
  reachMs: 900_000,
  cloudInitMs: 900_000,
  askMs: 300_000,
  serveMs: 360_000,
  registerMs: 300_000,
  connectMs: 60_000,
  verifyMs: 360_000,
  taskMs: 720_000,
};

/** @param endpointUrl null means AWS itself */
export function timeLimits(endpointUrl: string | null): TimeLimits {
  return endpointUrl === null ? ON_AWS : IN_THE_LAB;
}
