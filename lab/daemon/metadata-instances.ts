import type { ImdsInstance } from '../imds/instance.ts';
import type { MachineAddress, MachineSpec, Machines } from '../machine-types.ts';
import type { ManagedInstance } from '../ssm/agents.ts';

/** The tags that an instance sees (lab/moto/control.py); null when it did not ask for them. */
type TagsOf = (instance: {
  readonly region: string;
  readonly instanceId: string;
}) => Promise<{ readonly tags: Readonly<Record<string, string>> | null }>;

/** Remembers what each machine was started with, so that the metadata service can tell who asks by the address. */
export class MetadataInstances {
  readonly #addresses = new Map<string, MachineAddress>();
  readonly #instances = new Map<string, ImdsInstance>();

  readonly #tagsOf: TagsOf;

  constructor(tagsOf: TagsOf) {
    this.#tagsOf = tagsOf;
  }

  /** Tags are asked for each time: they change while the machine runs, and nobody has to be told that they did. */
  readonly lookup = async (peerAddress: string): Promise<ImdsInstance | null> => {
    const instance = this.#instances.get(peerAddress);
    if (!instance) return null;
    const { region, instanceId } = instance.spec;
    const { tags } = await this.#tagsOf({ region, instanceId });
    return tags === null ? instance : { ...instance, tags };
  };

  /** What Session Manager asks of a machine. */
  readonly managedAt = (peerAddress: string): ManagedInstance | null => {
    const spec = this.#instances.get(peerAddress)?.spec;
    if (!spec) return null;
    const { instanceId, region, instanceProfile } = spec;
    return { instanceId, region, hasRole: (instanceProfile?.roleName ?? '') !== '' };
  };

  /** Announces that a machine will be taken away, or takes that back (null); false when there is no such machine. */
  readonly interrupt = (instanceId: string, at: Date | null): boolean => {
    const address = this.#addresses.get(instanceId)?.address ?? '';
    const instance = this.#instances.get(address);
    if (!instance) return false;
    const { spotInterruptionAt: _, ...rest } = instance;
    this.#instances.set(address, at === null ? rest : { ...rest, spotInterruptionAt: at });
    return true;
  };

  /** The same machines, whose starts and ends are remembered here. */
  follow(machines: Machines): Machines {
    return {
      ...machines,
      allocateAddress: async (instanceId) => {
        const address = await machines.allocateAddress(instanceId);
        this.#addresses.set(instanceId, address);
        return address;
      },
      start: async (spec) => {
        // Before the machine boots: its first question may come within milliseconds.
        this.#remember(spec);
        await machines.start(spec);
      },
      terminate: async (instanceId) => {
        await machines.terminate(instanceId);
        this.#forget(instanceId);
      },
    };
  }

  #remember(spec: MachineSpec): void {
    const address = this.#addresses.get(spec.instanceId);
    if (address) this.#instances.set(address.address, { spec, address, launchedAt: new Date() });
  }

  #forget(instanceId: string): void {
    const address = this.#addresses.get(instanceId);
    this.#addresses.delete(instanceId);
    if (address) this.#instances.delete(address.address);
  }
}
