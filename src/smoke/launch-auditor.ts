import { AUDITED_DEVICE, type AuditSubject, auditSubject } from '../audit/disk.ts';
import { terminateAndWait, waitForAddress } from '../aws/instances.ts';
import { launchInstance } from '../aws/launch.ts';
import { asShortfall, Shortfall } from '../plan/fallback.ts';
import { deadlineConfig, deadlineS } from '../run/deadline.ts';
import type { Releases } from '../run/releases.ts';
import { ec2Tags } from '../run/tags.ts';
import { type LaunchInput, tagsOf } from './launch.ts';
import type { Launched } from './launch-where-room-is.ts';

/** It reads and hashes, so it needs no GPU; of a type of the plan where a zone has none of these. */
const TYPES = ['t3.medium', 'm5.large'];

export type LaunchedAuditor = Launched & { readonly subject: AuditSubject };

type Wanted = { readonly keyName: string; readonly groupIds: readonly string[] };

/** In the first of the plan's subnets, by the first type that is to be had there. */
async function launch(
  { clients, plan, runId }: LaunchInput,
  { keyName, groupIds }: Wanted,
  { rootSnapshot: snapshotId, baseImageId }: AuditSubject,
): Promise<string> {
  const [placement] = plan.placements;
  const types = [...TYPES, placement?.instanceType ?? ''];
  for (const [at, instanceType] of types.entries()) {
    try {
      return await launchInstance(clients, {
        imageId: baseImageId,
        instanceType,
        subnetId: placement?.subnetId ?? '',
        groupIds: [plan.network.securityGroup.id, ...groupIds],
        // As a build instance it needs no rights of a host.
        instanceProfile: plan.buildInstanceProfile,
        keyName,
        userData: deadlineConfig('smoke', deadlineS('smoke', plan.endpointUrl)),
        shutdown: 'terminate',
        volumes: [{ deviceName: AUDITED_DEVICE, snapshotId }],
        tags: ec2Tags({ ...tagsOf(runId), Name: `${tagsOf(runId)['Name']}-audit` }),
      });
    } catch (error) {
      if (at === types.length - 1 || !(asShortfall(error) instanceof Shortfall)) throw error;
    }
  }
  throw new Error('there is no type to try');
}

/** A second machine, of the base image, that the image's disk is attached to and nothing of it runs on. */
export async function launchAuditor(input: LaunchInput, wanted: Wanted, releases: Releases): Promise<LaunchedAuditor> {
  const subject = await auditSubject(input.clients, input.plan, input.imageId);
  const instanceId = await launch(input, wanted, subject);
  releases.add('the auditor', 'in the region', () => terminateAndWait(input.clients, [instanceId]));
  return { instanceId, address: await waitForAddress(input.clients, instanceId, input.signal), subject };
}
