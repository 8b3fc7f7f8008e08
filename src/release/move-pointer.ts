import { GetParametersCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { type Channel, pointerNames } from './channels.ts';
import { type Pointer, pointersOf, type Release } from './pointer.ts';

/** The pointer of one channel, or null when nothing was ever released there. */
export async function readPointer(ssm: SSMClient, profile: string, channel: Channel): Promise<Pointer | null> {
  const { Parameters = [] } = await ssm.send(
    new GetParametersCommand({ Names: Object.values(pointerNames(profile, channel)) }),
  );
  return pointersOf(Parameters)[0] ?? null;
}

/**
 * Moves a pointer to an image of the same region. The story comes first and the id, which counts, last: a mover that
 * dies in between has moved nothing, and the same call again ends what it began. What already stands there is not
 * written again, so that the version counts moves.
 *
 * @param release `previousImageId` is the caller's: what a rollback goes back to
 */
export async function movePointer(ssm: SSMClient, profile: string, channel: Channel, release: Release): Promise<void> {
  const names = pointerNames(profile, channel);
  const before = await readPointer(ssm, profile, channel);
  const text = JSON.stringify(release);
  if (JSON.stringify(before?.release) !== text)
    await ssm.send(new PutParameterCommand({ Name: names.release, Value: text, Type: 'String', Overwrite: true }));
  if (before?.imageId === release.imageId) return;
  await ssm.send(
    new PutParameterCommand({
      Name: names.imageId,
      Value: release.imageId,
      Type: 'String',
      // SSM itself refuses what is no image of the account in this region.
      DataType: 'aws:ec2:image',
      Overwrite: true,
    }),
  );
}
