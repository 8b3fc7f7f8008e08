import type { DataVolume, MachineAddress, MachineSpec } from '../machine-types.ts';
import type { Ended } from './spawn-machine.ts';

/** One run of one machine, from power-on to power-off. */
export type Supervisor = {
  readonly pid: number;
  /** Settles once, when the machine is off. */
  readonly ended: Promise<Ended>;
  /** Resolves when init runs. @returns false when the machine ended before */
  untilInit(): Promise<boolean>;
  /** Resolves when something in the machine listens on a TCP port, when the limit is over, or when the machine ends. */
  untilListening(port: number, limitMs: number): Promise<void>;
  /**
   * Asks for a clean end, and again until it comes: before it is ready to hear, a machine drops what it is told.
   * @returns whether it ended, or for a reboot, whether it began anew
   */
  ask(what: 'power-off' | 'reboot', limitMs: number): Promise<boolean>;
  /** Cuts the power. */
  cut(): Promise<void>;
};

export type PowerOn = {
  readonly labId: string;
  readonly namespace: string;
  readonly spec: MachineSpec;
  readonly reserved: MachineAddress;
  readonly disk: string;
  readonly volumes: readonly { readonly volume: DataVolume; readonly file: string }[];
  /** An empty folder of the machine's. */
  readonly root: string;
  /** The folder that stands for its GPUs; null when it has none. */
  readonly gpus: string | null;
  readonly groupFiles: readonly string[];
  readonly consoleFile: string;
};

/** A way to run machines. */
export type Driver = {
  /** For a clean shutdown; EC2 gives longer, but then nothing in the lab has anything to flush to a network. */
  readonly shutdownLimitMs: number;
  /** How long a machine may take to be ready for use; one without ssh is `running` after that. */
  readonly readyLimitMs: number;
  powerOn(input: PowerOn): Promise<Supervisor>;
  /** Whether a run ended because the machine is to be started again. */
  asksForReboot(ended: Ended): boolean;
};
