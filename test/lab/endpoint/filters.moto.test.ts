import { CreateTagsCommand, DescribeImagesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { copyImage } from './own-image.ts';

describe.skipIf(!motoIsInstalled)('filters by tags', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    for (const Key of ['digest', 'layer', 'other']) {
      const { ImageId = '' } = await copyImage(ec2, lab.baseImages['us-west-2'] ?? '', { Name: Key });
      await ec2.send(new CreateTagsCommand({ Resources: [ImageId], Tags: [{ Key, Value: `of-${Key}` }] }));
      ids[Key] = ImageId;
    }
  });
  afterAll(() => lab?.stop());

  const listed = async (Name: string, Values: string[]) => {
    const { Images = [] } = await ec2.send(
      new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name, Values }] }),
    );
    return Images.map(({ ImageId }) => ImageId).sort();
  };
  const of = (...keys: string[]) => keys.map((key) => ids[key]).sort();

  test.each([
    ['tag-key', ['digest', 'layer'], ['digest', 'layer']],
    ['tag-key', ['digest'], ['digest']],
    ['tag-key', ['l*r', 'nothing'], ['layer']],
    ['tag-value', ['of-digest', 'of-other'], ['digest', 'other']],
    ['tag:layer', ['of-layer', 'x'], ['layer']],
    ['tag-key', ['nothing', 'at all'], []],
  ])('%s of %j lists what has one of them', async (name, values, expected) => {
    expect(await listed(name, values)).toEqual(of(...expected));
  });
});
