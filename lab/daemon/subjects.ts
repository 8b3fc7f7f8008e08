import type { ImdsSubject } from '../imds/subject.ts';
import type { MachineAddress, Machines } from '../machine-types.ts';

/** Remembers what each machine was started with, so that the metadata service can tell who asks by the address. */
export function trackSubjects(machines: Machines): {
  readonly machines: Machines;
  readonly lookup: (peerAddress: string) => ImdsSubject | null;
  /** Announces that a machine will be taken away, or takes that back (null); false when there is no such machine. */
  readonly interrupt: (instanceId: string, at: Date | null) => boolean;
} {
  const addresses = new Map<string, MachineAddress>();
  const subjects = new Map<string, ImdsSubject>();
  return {
    lookup: (peerAddress) => subjects.get(peerAddress) ?? null,
    interrupt: (instanceId, at) => {
      const address = addresses.get(instanceId)?.address ?? '';
      const subject = subjects.get(address);
      if (!subject) return false;
      const { spotInterruptionAt: _, ...rest } = subject;
      subjects.set(address, at === null ? rest : { ...rest, spotInterruptionAt: at });
      return true;
    },
    machines: {
      ...machines,
      allocateAddress: async (instanceId) => {
        const address = await machines.allocateAddress(instanceId);
        addresses.set(instanceId, address);
        return address;
      },
      start: async (spec) => {
        const address = addresses.get(spec.instanceId);
        // Before the machine boots: its first question may come within milliseconds.
        if (address) subjects.set(address.address, { spec, address, launchedAt: new Date() });
        await machines.start(spec);
      },
      terminate: async (instanceId) => {
        await machines.terminate(instanceId);
        const address = addresses.get(instanceId);
        addresses.delete(instanceId);
        if (address) subjects.delete(address.address);
      },
    },
  };
}
