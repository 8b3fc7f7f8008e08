import type { AwsClients } from '../aws/clients.ts';
import { terminateAndWait } from '../aws/instances.ts';
import { createSshGroup, launchInstance } from '../aws/launch.ts';
import type { Reporter } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { asShortfall, inPlacements } from '../plan/fallback.ts';
import type { Placement } from '../plan/placement.ts';
import { ownerName } from '../run/owner.ts';
import type { Releases } from '../run/releases.ts';
import { DEV_TAG, ec2Tags, machineTags, runTags, TAG } from '../run/tags.ts';
import { expiresIn } from './dev-host.ts';
import type { Source } from './source.ts';
import { renderDevUserData } from './user-data.ts';

export type DevLaunch = {
  readonly clients: AwsClients;
  readonly reporter: Reporter;
  readonly plan: BuildPlan;
  readonly source: Source;
  readonly runId: string;
  readonly name: string;
  readonly user: string;
  readonly ttlMinutes: number;
  readonly idleMinutes: number;
  /** Lines as authorized_keys has them. */
  readonly authorizedKeys: readonly string[];
};

function resourceName({ name }: DevLaunch): string {
  return `ecs-host-dev-${name}`;
}

/** Of everything that is made for the host; a sweep knows by the run id what belongs together. */
function tagsOf(launch: DevLaunch): Record<string, string> {
  const { runId, name, user } = launch;
  return {
    Name: resourceName(launch),
    ...runTags({ runId, owner: ownerName(), kind: 'dev-host' }),
    [DEV_TAG.name]: name,
    [DEV_TAG.user]: user,
  };
}

async function makeGroups(launch: DevLaunch, releases: Releases): Promise<readonly string[]> {
  const { clients, plan, runId } = launch;
  const { securityGroup, transport, vpcId, sshSourceCidrs: cidrs } = plan.network;
  if (transport !== 'ssh') return [securityGroup.id];
  const { groupId, release } = await createSshGroup(clients, {
    // Names of groups are unique in a VPC, those of dev hosts only for their user.
    name: `${resourceName(launch)}-${runId}`,
    description: 'ssh for a dev host of ecs-host, removed with it',
    vpcId,
    cidrs,
    tags: ec2Tags(tagsOf(launch)),
  });
  releases.add('the security group', 'in the region', release);
  return [securityGroup.id, groupId];
}

function launchIn(launch: DevLaunch, groupIds: readonly string[], placement: Placement): Promise<string> {
  const { clients, plan, source, ttlMinutes, idleMinutes, authorizedKeys } = launch;
  const expires = expiresIn(ttlMinutes);
  const tags = {
    ...tagsOf(launch),
    ...machineTags(plan),
    [TAG.profile]: plan.profile,
    [DEV_TAG.expires]: expires,
    [DEV_TAG.idleMinutes]: String(idleMinutes),
    [DEV_TAG.ttlMinutes]: String(ttlMinutes),
    [DEV_TAG.source]: source.imageId,
    [DEV_TAG.sshUser]: plan.network.sshUser,
    [DEV_TAG.transport]: plan.network.transport,
  };
  return launchInstance(clients, {
    imageId: source.imageId,
    instanceType: placement.instanceType,
    subnetId: placement.subnetId,
    groupIds,
    instanceProfile: plan.instanceProfile,
    userData: renderDevUserData({ expires, idleMinutes, authorizedKeys }),
    shutdown: 'stop',
    rootVolume: { deviceName: source.rootDeviceName, sizeGiB: plan.rootVolume.sizeGiB },
    showsTags: true,
    tags: ec2Tags(tags),
  });
}

/** Launches the instance of a dev host, which from its boot on ends by itself when its time is over. @returns its id */
export async function launchDevHost(launch: DevLaunch, releases: Releases): Promise<string> {
  const { clients } = launch;
  const groupIds = await makeGroups(launch, releases);
  const { result: instanceId } = await inPlacements(launch, (placement) =>
    launchIn(launch, groupIds, placement).catch((error: unknown) => {
      throw asShortfall(error);
    }),
  );
  releases.add(`instance ${instanceId}`, 'in the region', () => terminateAndWait(clients, [instanceId]));
  return instanceId;
}
