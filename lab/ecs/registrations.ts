import type { Attribute } from './wire.ts';

/** What the control plane knows of one container instance beyond moto: who it is, and whether its agent is there. */
export type Registration = {
  readonly arn: string;
  readonly cluster: string;
  readonly region: string;
  readonly instanceId: string;
  attributes: readonly Attribute[];
  agentVersion: string;
  dockerVersion: string;
  /** Open ACS connections; the agent is connected while there is one. */
  connections: number;
};

/** Container instances by ARN. In memory: agents of a lab that went down are gone with their machines. */
export class Registrations {
  readonly #byArn = new Map<string, Registration>();

  get(arn: string): Registration | undefined {
    return this.#byArn.get(arn);
  }

  put(registration: Registration): void {
    this.#byArn.set(registration.arn, registration);
  }

  delete(arn: string): void {
    this.#byArn.delete(arn);
  }

  ofInstance(instanceId: string): readonly Registration[] {
    return [...this.#byArn.values()].filter((each) => each.instanceId === instanceId);
  }

  ofCluster(region: string, cluster: string): readonly Registration[] {
    return [...this.#byArn.values()].filter((each) => each.region === region && each.cluster === cluster);
  }
}

/** `arn:aws:ecs:...:cluster/name` or `name`. */
export function clusterName(cluster: string): string {
  return cluster.split('/').at(-1) ?? cluster;
}
