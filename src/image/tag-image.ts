import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { untilKnown } from '../aws/removal.ts';
import { ec2Tags, TAG } from '../run/tags.ts';
import type { Verdict } from './image-record.ts';

/** Sets tags on an image and, given together, its snapshots. Existing values are replaced. */
export async function tagImage(
  { ec2 }: AwsClients,
  resourceIds: readonly string[],
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  await untilKnown(() => ec2.send(new CreateTagsCommand({ Resources: [...resourceIds], Tags: ec2Tags(tags) })));
}

/** Writes the verdict of a smoke run, and which run it was, onto the image itself. */
export function tagVerdict(clients: AwsClients, imageId: string, verdict: Verdict, smokeRunId: string): Promise<void> {
  return tagImage(clients, [imageId], { [TAG.verdict]: verdict, [TAG.smokeRunId]: smokeRunId });
}
