import {
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from '@aws-sdk/client-ec2';
import type { ReleasePlan } from '../plan/build-plan.ts';
import type { SeenImage } from './next-step.ts';
import type { Region } from './region.ts';

const DAY_MS = 24 * 60 * 60_000;
const SOON_MS = 5 * 60_000;

/** When EC2 is to call the image deprecated; null for never. Counted from when its release began. */
export function deprecationOf({ deprecateAfterDays }: ReleasePlan, startedAt: string): Date | null {
  return deprecateAfterDays === null ? null : new Date(Date.parse(startedAt) + deprecateAfterDays * DAY_MS);
}

/** Others need the snapshots only to copy the image, and get them first, so that whoever has the image has them. */
async function share({ clients }: Region, image: SeenImage, { share }: ReleasePlan): Promise<void> {
  const { accounts, organizations, organizationalUnits } = share;
  const { ec2 } = clients.aws;
  const users = accounts.map((UserId) => ({ UserId }));
  if (users.length > 0)
    for (const SnapshotId of image.snapshotIds)
      await ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: { Add: users } }));
  const Add = [
    ...users,
    ...organizations.map((OrganizationArn) => ({ OrganizationArn })),
    ...organizationalUnits.map((OrganizationalUnitArn) => ({ OrganizationalUnitArn })),
  ];
  if (Add.length > 0)
    await ec2.send(new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission: { Add } }));
}

/** Shares, deprecates and protects an image as the plan has it. What is so already may be done again. */
export async function settle(
  region: Region,
  image: SeenImage,
  { release, startedAt }: { readonly release: ReleasePlan; readonly startedAt: string },
): Promise<void> {
  const { ec2 } = region.clients.aws;
  const { imageId: ImageId } = image;
  const planned = deprecationOf(release, startedAt);
  if (planned !== null) {
    // A release that was left for longer than that: EC2 takes nothing that is over.
    const DeprecateAt = new Date(Math.max(planned.getTime(), Date.now() + SOON_MS));
    await ec2.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt }));
  }
  if (release.protect) await ec2.send(new EnableImageDeregistrationProtectionCommand({ ImageId, WithCooldown: false }));
  await share(region, image, release);
}
