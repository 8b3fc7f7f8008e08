import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeImagesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UBUNTU } from '../../../lab/base-image/release.ts';
import { REGIONS } from '../../../lab/seed.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

const { listing } = UBUNTU.focal;

type Change = { readonly disk: string; readonly serial: string; readonly createdAt: string; readonly way?: string };

describe.skipIf(!motoIsInstalled)('a base image that is made on demand (needs the virtual environment of moto)', () => {
  let folder: string;
  let endpoint: Awaited<ReturnType<typeof startEndpoint>>;
  let ec2: EC2Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'base-images-'));
    endpoint = await startEndpoint(folder);
    ec2 = endpoint.ec2('us-east-2');
  });
  afterAll(async () => {
    await endpoint.stop();
    await rm(folder, { recursive: true });
  });

  const offer = async (change: Change): Promise<string> => {
    const { images } = await endpoint.moto.control<{ images: Record<string, { id: string; name: string }> }>(
      'base-image',
      {
        regions: REGIONS,
        base: {
          ...listing,
          parameters: listing.parameters(change.serial),
          description: 'test',
          sizeGiB: 8,
          way: 'stand-in',
          ...change,
        },
      },
    );
    return images['us-east-2']?.name ?? '';
  };
  /** As a plan asks for it. */
  const newest = async (): Promise<string | undefined> => {
    const { Images = [] } = await ec2.send(
      new DescribeImagesCommand({
        Owners: ['099720109477'],
        IncludeDeprecated: true,
        Filters: [
          { Name: 'name', Values: [`${listing.namePrefix}*`] },
          { Name: 'state', Values: ['available'] },
        ],
      }),
    );
    return Images.toSorted((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0]?.Name;
  };

  const FIRST = { disk: 'snap-1', serial: '20261127', createdAt: '2026-11-27T08:00:00.000Z' };
  const SECOND = { disk: 'snap-2', serial: '20261127', createdAt: '2026-11-27T09:00:00.000Z' };
  const OFFICIAL = { disk: 'snap-3', serial: '20250603', createdAt: '2026-11-27T07:00:00.000Z', way: 'official' };

  test('is there in every region as the real one is, once', async () => {
    expect(await newest()).toBeUndefined();
    const name = `${listing.namePrefix}20261127`;
    expect(await offer(FIRST)).toBe(name);
    expect(await offer(FIRST)).toBe(name);
    for (const region of REGIONS) {
      const { Images = [] } = await endpoint
        .ec2(region)
        .send(new DescribeImagesCommand({ Owners: ['099720109477'], Filters: [{ Name: 'name', Values: [name] }] }));
      expect(Images).toMatchObject([
        { Architecture: 'x86_64', RootDeviceName: '/dev/sda1', BlockDeviceMappings: [{ Ebs: { VolumeSize: 8 } }] },
      ]);
    }
  });

  test("has its id in Canonical's parameters", async () => {
    const ssm = new SSMClient({
      region: 'us-east-2',
      endpoint: endpoint.url,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    });
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['099720109477'] }));
    for (const Name of listing.parameters('20261127'))
      expect((await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value).toBe(Images[0]?.ImageId);
    ssm.destroy();
  });

  test('of another recipe has the next number, and is the newest; so is an earlier one, asked for again', async () => {
    expect(await offer(SECOND)).toBe(`${listing.namePrefix}20261127.1`);
    expect(await newest()).toBe(`${listing.namePrefix}20261127.1`);
    await offer(FIRST);
    expect(await newest()).toBe(`${listing.namePrefix}20261127`);
    await offer(SECOND);
    expect(await newest()).toBe(`${listing.namePrefix}20261127.1`);
  });

  test('is not beside those that came the other way', async () => {
    await offer(OFFICIAL);
    expect(await newest()).toBe(`${listing.namePrefix}20250603`);
    await offer(SECOND);
    expect(await newest()).toBe(`${listing.namePrefix}20261127.1`);
  });
});
