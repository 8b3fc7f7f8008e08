import { allEnded } from '../io/all-ended.ts';
import { keyFolder } from '../io/paths.ts';
import type { Reporter } from '../io/reporter.ts';
import { findIdentityCertificates } from '../lab-client/identity-certificates.ts';
import type { PlacementLog } from '../plan/fallback.ts';
import { deadlineConfig, deadlineS } from '../run/deadline.ts';
import type { Releases } from '../run/releases.ts';
import { joinParts } from '../user-data/parts.ts';
import { renderUserData } from '../user-data/render.ts';
import { createCluster, createKeyPair, createSshGroup, type LaunchInput } from './launch.ts';
import { type LaunchedAuditor, launchAuditor } from './launch-auditor.ts';
import { type Launched, launchWhereRoomIs } from './launch-where-room-is.ts';
import { REMOTE_WEBSERVER_PORT, type SmokeWebserver, startSmokeWebserver } from './webserver.ts';

export type Acquired = {
  readonly webserver: SmokeWebserver;
  readonly cluster: string;
  readonly keyFile: string;
  readonly instances: readonly Launched[];
  /** A machine of the base image, with a volume of the image's disk; null when it is not asked for. */
  readonly auditor: LaunchedAuditor | null;
  readonly placement: PlacementLog;
};

async function startWebserver({ plan, imageId }: LaunchInput, releases: Releases): Promise<SmokeWebserver> {
  const certificates = await findIdentityCertificates(plan.endpointUrl);
  const webserver = await startSmokeWebserver({ certificates, region: plan.apiRegion, imageId });
  releases.add('the webserver', 'here', async () => webserver[Symbol.asyncDispose]());
  return webserver;
}

async function makeKey(launch: LaunchInput, releases: Releases): Promise<{ keyName: string; keyFile: string }> {
  const { keyName, keyFile, release } = await createKeyPair(launch, keyFolder(launch.runId));
  releases.add('the key pair', 'in the region', release);
  return { keyName, keyFile };
}

/** None under Session Manager, which needs no port. */
async function makeGroups(launch: LaunchInput, releases: Releases): Promise<readonly string[]> {
  if (launch.plan.network.transport !== 'ssh') return [];
  const { groupId, release } = await createSshGroup(launch);
  releases.add('the security group', 'in the region', release);
  return [groupId];
}

async function makeCluster(launch: LaunchInput, releases: Releases): Promise<string> {
  const { cluster, release } = await createCluster(launch);
  releases.add('the cluster', 'in the region', release);
  return cluster;
}

/** The host's own, untouched, and beside it what ends the instance when nobody does. */
function userDataOf({ plan }: LaunchInput, webserver: SmokeWebserver, cluster: string): string {
  const ofTheHost = renderUserData({
    cluster,
    host: {
      version: 1,
      webserverUrl: `https://127.0.0.1:${REMOTE_WEBSERVER_PORT}`,
      webserverCa: webserver.caPem,
      environment: 'smoke',
      drainSeconds: 10,
    },
    ...(plan.ecsAgentEndpoint === null ? {} : { ecs: { ECS_BACKEND_HOST: plan.ecsAgentEndpoint } }),
  });
  return joinParts([ofTheHost, deadlineConfig('smoke', deadlineS('smoke', plan.endpointUrl))]);
}

/**
 * Key, group, cluster and webserver at once, then the instances. Each is put on the list of releases as soon as it is
 * there.
 */
export async function acquire(
  launch: LaunchInput,
  { count, audits, reporter }: { readonly count: number; readonly audits: boolean; readonly reporter: Reporter },
  releases: Releases,
): Promise<Acquired> {
  const [webserver, { keyName, keyFile }, groupIds, cluster] = await allEnded([
    startWebserver(launch, releases),
    makeKey(launch, releases),
    makeGroups(launch, releases),
    makeCluster(launch, releases),
  ]);
  const userData = userDataOf(launch, webserver, cluster);
  const wanted = { count, keyName, groupIds, userData };
  const [{ result: instances, placement }, auditor] = await allEnded([
    launchWhereRoomIs(launch, wanted, { releases, reporter }),
    audits ? launchAuditor(launch, { keyName, groupIds }, releases) : null,
  ]);
  return { webserver, cluster, keyFile, instances, placement, auditor };
}
