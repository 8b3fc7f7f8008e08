import type { MachineSpec } from '../machine-types.ts';

/** What a machine is started with as it is. */
type AsStarted = Pick<
  MachineSpec,
  'gpus' | 'subnetId' | 'keyPair' | 'instanceProfile' | 'httpTokens' | 'httpPutResponseHopLimit' | 'securityGroups'
>;

type VolumeFacts = { readonly id: string; readonly sizeGiB: number; readonly sourceDisk: string };

/** What lab/moto/control.py knows of an instance. */
export type InstanceFacts = AsStarted & {
  readonly instanceId: string;
  readonly state: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly accountId: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly machine: MachineSpec['machine'];
  readonly shutdownBehavior: 'stop' | 'terminate';
  readonly rootVolume: VolumeFacts | null;
  /** The others. */
  readonly dataVolumes: readonly (VolumeFacts & { readonly deviceName: string })[];
  readonly vpcId: string;
  /** base64, as in the API. */
  readonly userData: string | null;
};

export type LiveInstance = {
  readonly instanceId: string;
  readonly region: string;
  readonly state: string;
  readonly address: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly securityGroups: InstanceFacts['securityGroups'];
};

export function machineSpec(facts: InstanceFacts): MachineSpec {
  if (facts.rootVolume === null) throw new Error(`${facts.instanceId} has no root volume`);
  return {
    instanceId: facts.instanceId,
    region: facts.region,
    availabilityZone: facts.availabilityZone,
    accountId: facts.accountId,
    imageId: facts.imageId,
    instanceType: facts.instanceType,
    machine: facts.machine,
    gpus: facts.gpus,
    diskId: facts.rootVolume.id,
    volumes: facts.dataVolumes.map(({ id, deviceName }) => ({ diskId: id, deviceName })),
    vpcId: facts.vpcId,
    subnetId: facts.subnetId,
    keyPair: facts.keyPair,
    userData: facts.userData === null ? null : Buffer.from(facts.userData, 'base64'),
    instanceProfile: facts.instanceProfile,
    httpTokens: facts.httpTokens,
    httpPutResponseHopLimit: facts.httpPutResponseHopLimit,
    securityGroups: facts.securityGroups,
  };
}

/** What one call changed in moto's records and has to be made true (lab/moto/effects.py). */
export type Effect = { readonly region: string } & (
  | { readonly kind: 'instance.launch'; readonly instanceId: string; readonly placeholderAddress: string }
  | { readonly kind: 'instance.start' | 'instance.reboot' | 'instance.terminate'; readonly instanceId: string }
  | { readonly kind: 'instance.stop'; readonly instanceId: string; readonly force: boolean }
  | { readonly kind: 'ingress.changed' }
  | {
      readonly kind: 'image.create';
      readonly imageId: string;
      readonly instanceId: string;
      readonly snapshotId: string;
      readonly volumeId: string;
      readonly wasRunning: boolean;
    }
  | {
      readonly kind: 'image.copy';
      readonly imageId: string;
      readonly snapshotId: string;
      readonly sourceDisk: string;
      /** Why the copy will fail; empty when it will not. */
      readonly failure: string;
    }
  | { readonly kind: 'snapshot.create'; readonly snapshotId: string; readonly volumeId: string }
  | {
      readonly kind: 'snapshot.copy';
      readonly snapshotId: string;
      readonly sourceDisk: string;
      readonly failure: string;
    }
  | { readonly kind: 'snapshot.delete'; readonly snapshotId: string }
  | { readonly kind: 'volume.create'; readonly volumeId: string; readonly sourceDisk: string; readonly sizeGiB: number }
  | { readonly kind: 'volume.delete'; readonly volumeId: string }
);

export type EffectOf<K extends Effect['kind']> = Extract<Effect, { readonly kind: K }>;
