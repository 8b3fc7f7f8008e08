/**
 * The host service's own files. The configuration (host-config.schema.json) comes from user data (cloud-init writes it before the service
 * reads it); `HostState` is written atomically at each transition and is what humans, smoke and `ecs-host-status` read.
 */
export const HOST_CONFIG_PATH = '/etc/ecs-host/host.json';
export const HOST_STATE_PATH = '/run/ecs-host/state.json';
/** docker.service, docker.socket and ecs.service assert that this file exists. /run is a tmpfs: a reboot closes the gate. */
export const GATE_PATH = '/run/ecs-host/gate-open';

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
  /** CLOCK_MONOTONIC (as systemd's *TimestampMonotonic) in microseconds at which each phase was first reached in this boot. */
  readonly reachedAtUs: Readonly<Partial<Record<HostPhase, number>>>;
  /** CLOCK_MONOTONIC in microseconds at which Docker confirmed the event subscription, or null. */
  readonly eventsSubscribedAtUs: number | null;
  readonly handshakeAttempts: number;
  readonly containersSeen: number;
};
