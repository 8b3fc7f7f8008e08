import { instanceTypesOf } from '../config/profile-types.ts';
import type { BuildPlan, Transport } from '../plan/build-plan.ts';
import type { Selection } from '../plan/resolve.ts';
import { machineOf, transportOf, workloadOf } from '../plan/resolve.ts';

/** What a run does, as far as it decides what has to be there. */
export type Run = {
  readonly builds: boolean;
  /** How many instances the smoke test has at once; 0 for none. */
  readonly smokes: number;
  /** Whether the workload is built, run and watched from here. */
  readonly watches: boolean;
  /** How long it usually takes. */
  readonly expectedMs: number;
};

/** What a preflight looks at: out of hosts.yaml, or out of a stored plan. */
export type Subject = {
  readonly region: string;
  readonly apiRegion: string;
  readonly isLab: boolean;
  readonly machine: BuildPlan['machine'];
  /** In order of preference: one that has room is enough. */
  readonly instanceTypes: readonly string[];
  /** A name may be another group tomorrow, an id is the one of the plan. */
  readonly securityGroup: {
    readonly by: 'group-name' | 'group-id';
    readonly value: string;
    /** null where the name alone says which. */
    readonly vpcId: string | null;
  };
  /** Of hosts, and of the build instance. */
  readonly instanceProfile: string;
  readonly buildInstanceProfile: string;
  readonly transport: Transport;
  readonly workload: BuildPlan['developerWorkload'];
};

/** The build instance has the hosts' profile where it has none of its own. */
function profilesOf(named: { readonly instanceProfile: string; readonly buildInstanceProfile?: string }) {
  const { instanceProfile, buildInstanceProfile = instanceProfile } = named;
  return { instanceProfile, buildInstanceProfile };
}

/** @param configFolder of hosts.yaml */
export function subjectOf({ regionName, region, profile }: Selection, configFolder: string): Subject {
  return {
    region: regionName,
    apiRegion: region.apiRegion ?? regionName,
    isLab: region.lab === true,
    machine: machineOf(region),
    instanceTypes: instanceTypesOf(profile),
    securityGroup: { by: 'group-name', value: region.securityGroup, vpcId: region.vpcId ?? null },
    ...profilesOf(region),
    transport: transportOf(profile),
    workload: workloadOf(profile, configFolder),
  };
}

export function subjectOfPlan(plan: BuildPlan): Subject {
  const { region, apiRegion, isLab, machine, instanceTypes, network, developerWorkload } = plan;
  return {
    region,
    apiRegion,
    isLab,
    machine,
    instanceTypes,
    securityGroup: { by: 'group-id', value: network.securityGroup.id, vpcId: null },
    ...profilesOf(plan),
    transport: network.transport,
    workload: developerWorkload,
  };
}
