import type { CountedStart } from '../test/e2e/counted-containers.ts';

/** One look at the machine, ten times a second; times are hundredths of a second of CLOCK_BOOTTIME. */
export type Sample = {
  readonly cs: number;
  /** Whether the lease of the gate, and of the agent's gate, was valid. */
  readonly gate: boolean;
  readonly agentGate: boolean;
  /** Whether ecs.service was active, or about to be. */
  readonly agent: boolean;
  /** Of the host service; 0 when there is none. */
  readonly pid: number;
};

/**
 * What the gate depends on. A `grant` is noted before its answer goes out. An `end` is noted once it has happened: a
 * denial, an order that was heard, a kill. A `leave` (a drain, a stop) is one for containers; the agent stays while ECS
 * is told and tasks end. A service that is `frozen` (SIGSTOP) is so until it is `thawed`.
 */
export type WalkEvent = {
  readonly cs: number;
  readonly kind: 'grant' | 'end' | 'leave' | 'frozen' | 'thawed';
  readonly what: string;
};

/** A lease is good for less than two seconds; one more for a machine that is busy. */
const GRACE_CS = 300;
/** The agent: the lease, the guard's look, and the two seconds that the agent has to stop. */
const AGENT_GRACE_CS = 600;

/** For a host without tasks that leaves: ECS may take twenty seconds to answer, and the webserver five. */
const LEAVE_GRACE_CS = 4000;

/** A life of the service that ended, however it did, ends its grant. */
function endsOfLives(samples: readonly Sample[]): WalkEvent[] {
  return samples.flatMap(({ cs, pid }, index) => {
    const before = samples[index - 1]?.pid ?? pid;
    return before !== 0 && before !== pid ? [{ cs, kind: 'end' as const, what: `life ${before} was over` }] : [];
  });
}

/** Why the gate must not be open at this moment, or null when it may. `events` are in order. */
function whyShut(cs: number, events: readonly WalkEvent[], leaveGraceCs = GRACE_CS): string | null {
  const last = (kind: WalkEvent['kind'], until: number): WalkEvent | undefined =>
    events.findLast((event) => event.kind === kind && event.cs <= until);
  const granted = last('grant', cs);
  if (!granted) return 'no grant of this boot';
  const graces: Partial<Record<WalkEvent['kind'], number>> = { end: GRACE_CS, leave: leaveGraceCs };
  const ended = events.find(
    ({ kind, cs: at }) => at >= granted.cs && at < cs - (graces[kind] ?? Number.POSITIVE_INFINITY),
  );
  if (ended) return `${ended.what} at ${ended.cs} ended the grant of ${granted.cs}`;
  const frozen = last('frozen', cs - GRACE_CS);
  const isThawed = events.some(({ kind, cs: at }) => kind === 'thawed' && at >= (frozen?.cs ?? 0) && at <= cs);
  return frozen && !isThawed && granted.cs < frozen.cs ? `the service is stopped (SIGSTOP) since ${frozen.cs}` : null;
}

export type Violation = { readonly cs: number; readonly what: string };

/**
 * The invariant: the gate is never open, no container starts, and no agent runs, unless a grant of this boot holds that
 * nothing has ended since, but for the time that a lease lasts.
 */
export function judge(
  samples: readonly Sample[],
  starts: readonly CountedStart[],
  told: readonly WalkEvent[],
): Violation[] {
  const events = [...told, ...endsOfLives(samples)].toSorted((a, b) => a.cs - b.cs);
  const violations: Violation[] = [];
  let agentGateCs = Number.NEGATIVE_INFINITY;
  let didAgentRun = false;
  for (const { cs, gate, agentGate, agent } of samples) {
    if (agentGate) agentGateCs = cs;
    const why = gate ? whyShut(cs, events) : null;
    if (why !== null) violations.push({ cs, what: `the gate is open: ${why}` });
    const whyNot = agentGate ? whyShut(cs, events, LEAVE_GRACE_CS) : null;
    if (whyNot !== null) violations.push({ cs, what: `the agent's gate is open: ${whyNot}` });
    // A sample looks at the gate first: an agent that is new in it may have started after a gate that opened in
    // between.
    if (agent && didAgentRun && cs - agentGateCs > AGENT_GRACE_CS)
      violations.push({ cs, what: `the agent runs, and its gate was last open at ${agentGateCs}` });
    didAgentRun = agent;
  }
  for (const { id, atCs } of starts) {
    const why = whyShut(atCs, events);
    if (why !== null) violations.push({ cs: atCs, what: `container ${id} started: ${why}` });
  }
  return violations.toSorted((a, b) => a.cs - b.cs);
}
