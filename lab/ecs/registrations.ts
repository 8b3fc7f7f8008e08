import { idOf } from './call.ts';
import type { Resources } from './resources.ts';
import type { Attribute } from './wire.ts';

/** An open ACS connection. */
export type Link = { send(type: string, message: Readonly<Record<string, unknown>>): void };

/** What the control plane knows of one container instance beyond moto: who it is, and whether its agent is there. */
export type Registration = {
  readonly arn: string;
  readonly cluster: string;
  readonly region: string;
  readonly instanceId: string;
  status: 'ACTIVE' | 'DRAINING';
  attributes: readonly Attribute[];
  /** All that it has, as the agent said. */
  resources: Resources;
  agentVersion: string;
  dockerVersion: string;
  /** The agent is connected while there is one. */
  readonly links: Set<Link>;
};

export function isConnected({ links }: Registration): boolean {
  return links.size > 0;
}

/** Container instances by ARN. In memory: agents of a lab that went down are gone with their machines. */
export class Registrations {
  readonly #byArn = new Map<string, Registration>();

  get(arn: string): Registration | undefined {
    return this.#byArn.get(arn);
  }

  /** By ARN or id. */
  find(region: string, cluster: string, nameOrArn: string): Registration | undefined {
    return this.ofCluster(region, cluster).find(({ arn }) => idOf(arn) === idOf(nameOrArn));
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
