/**
 * The host service's own files. The configuration (host-config.schema.json) comes from user data (cloud-init writes it
 * before the service reads it); `HostState` is written atomically at each transition and is what humans, smoke and
 * `ecs-host-status` read.
 */
export const HOST_CONFIG_PATH = '/etc/ecs-host/host.json';
export const HOST_STATE_PATH = '/run/ecs-host/state.json';
/**
 * The gate is two leases: containers may start, and the agent may take tasks. A lease is a file with one whole number,
 * the time until which it is good: hundredths of a second of CLOCK_BOOTTIME, as in /proc/uptime. The host service
 * writes it anew every `LEASE_RENEWED_MS`, `LEASE_MS` ahead (one that is three seconds ahead is none), each time as
 * another file that is renamed to this name. docker.service, docker.socket and containerd.service assert the first one,
 * ecs.service the second; the witness (in place of runc) and the guard read them. /run is a tmpfs: a reboot closes the
 * gate.
 */
export const GATE_PATH = '/run/ecs-host/gate-open';
export const AGENT_GATE_PATH = '/run/ecs-host/agent-open';
export const LEASE_MS = 1500;
export const LEASE_RENEWED_MS = 200;
/**
 * Where the witness writes each start down, an empty file each: `<container id>.<CLOCK_BOOTTIME in hundredths of a
 * second>.<pid>`.
 */
export const STARTS_FOLDER = '/run/ecs-host/starts';

/**
 * A host that was told a final no counts down: a transient timer has systemd start the service, which powers off where
 * the gate is shut.
 */
export const POWER_OFF_UNIT = 'ecs-host-poweroff';

export type HostPhase =
  | 'boot'
  | 'network'
  | 'handshake'
  | 'denied'
  | 'revoked'
  | 'docker'
  | 'events'
  | 'agent'
  | 'serving'
  | 'draining'
  | 'drained'
  | 'stopped'
  | 'failed';

export type HostState = {
  readonly version: 1;
  readonly phase: HostPhase;
  /** One sentence for people. */
  readonly status: string;
  readonly gate: 'open' | 'shut';
  readonly instanceId: string | null;
  /**
   * CLOCK_MONOTONIC (as systemd's *TimestampMonotonic) in microseconds at which each phase was first reached in this
   * boot.
   */
  readonly reachedAtUs: Readonly<Partial<Record<HostPhase, number>>>;
  /** CLOCK_MONOTONIC in microseconds at which Docker confirmed the event subscription, or null. */
  readonly eventsSubscribedAtUs: number | null;
  readonly handshakeAttempts: number;
  /** Starts of containers in this boot that are on the record. */
  readonly containersSeen: number;
  /** EC2 has said in this boot that this spot instance is more likely than others to be taken away. */
  readonly isRebalanceRecommended: boolean;
};
