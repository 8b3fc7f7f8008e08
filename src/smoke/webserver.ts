export type Decision = 'grant' | 'deny';

/** The webserver of one smoke run: the reference webserver in this process, with a decision for each instance. */
export type SmokeWebserver = AsyncDisposable & {
  /** On 127.0.0.1. */
  readonly port: number;
  /** PEM of the authority that was made for this run. */
  readonly caPem: string;
  /** What an instance is told from now on; nobody is granted anything before. */
  decide(instanceId: string, decision: Decision): void;
  /** How often an instance was denied. */
  denials(instanceId: string): number;
};

/** The port on the instance that leads to the webserver here. */
export const REMOTE_WEBSERVER_PORT = 8443;
