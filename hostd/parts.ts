import type { Control, ControlOrder } from './control.ts';
import type { DockerClient } from './docker.ts';
import type { Ecs } from './ecs.ts';
import type { Gate } from './gate.ts';
import type { HostKey } from './host-key.ts';
import type { Log } from './log.ts';
import type { Notify } from './notify.ts';
import type { Orders } from './orders.ts';
import type { PlacerPaths } from './placer.ts';
import type { PowerOff } from './power-off.ts';
import type { PulseTimes } from './pulse.ts';
import type { StateKeeper } from './state.ts';
import type { Units } from './units.ts';
import type { Watchdog } from './watchdog.ts';
import type { WebserverClient } from './webserver-client.ts';

/** Everything that the service meets outside of itself; tests bring their own. */
export type Parts = {
  readonly log: Log;
  readonly state: StateKeeper;
  readonly notify: Notify;
  readonly watchdog: Watchdog;
  readonly units: Units;
  readonly gate: Gate;
  readonly orders: Orders;
  readonly powerOff: PowerOff;
  readonly docker: DockerClient;
  readonly ecs: Ecs;
  readonly hostKey: () => Promise<HostKey>;
  /** Opens the control port; null in the handshake when it cannot be opened. */
  readonly openControl: (onOrder: (order: ControlOrder) => void) => Promise<Control>;
  readonly paths: {
    readonly config: string;
    readonly starts: string;
    readonly assigned: string;
    readonly drained: string;
    readonly placer: PlacerPaths;
  };
  readonly imdsEndpoint?: string;
  readonly noticeEveryMs?: number;
  readonly heartbeatPause?: { readonly leastMs: number; readonly spreadMs: number };
  readonly pulseTimes?: PulseTimes;
  readonly compareEveryMs?: number;
  readonly connect: (origin: string, ca: string | null, signal: AbortSignal) => WebserverClient;
};
