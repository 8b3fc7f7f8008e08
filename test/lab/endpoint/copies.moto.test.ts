import {
  CopyImageCommand,
  CopySnapshotCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { CreateAliasCommand, CreateKeyCommand, DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Copies, parseCopyOrder } from '../../../lab/endpoint/copies.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { copyImage, describeImage, snapshotOf } from './own-image.ts';

describe.skipIf(!motoIsInstalled)('copies of images and snapshots', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let east: EC2Client;
  let kms: KMSClient;
  let base: string;
  beforeAll(async () => {
    lab = await startEndpoint(folder);
    east = lab.ec2('us-east-1');
    const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
    kms = new KMSClient({ region: 'us-east-1', endpoint: lab.url, credentials });
    base = lab.baseImages['us-west-2'] ?? '';
  });
  afterEach(() => fetch(`${lab.url}/_lab/copies`, { method: 'DELETE' }));
  afterAll(async () => {
    kms?.destroy();
    await lab?.stop();
  });

  const snapshot = async (id: string) =>
    (await east.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))).Snapshots?.[0];
  const order = (body: object) => fetch(`${lab.url}/_lab/copies`, { method: 'POST', body: JSON.stringify(body) });

  test('are encrypted with the key that is named by id, alias or ARN, or with the default of the region', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const { KeyId = '', Arn = '' } = KeyMetadata ?? {};
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/images', TargetKeyId: KeyId }));
    const alias = `${Arn.split(':key/')[0]}:alias/images`;
    for (const [at, KmsKeyId] of [KeyId, 'alias/images', Arn, alias].entries()) {
      const copy = await copyImage(east, base, { Name: `own-${at}`, Encrypted: true, KmsKeyId });
      expect(await snapshot(snapshotOf(copy))).toMatchObject({ State: 'completed', Encrypted: true, KmsKeyId: Arn });
    }
    const copy = await copyImage(east, base, { Name: 'default', Encrypted: true });
    const managed = await kms.send(new DescribeKeyCommand({ KeyId: 'alias/aws/ebs' }));
    expect((await snapshot(snapshotOf(copy)))?.KmsKeyId).toBe(managed.KeyMetadata?.Arn);
    const plain = await snapshot(snapshotOf(await copyImage(east, base, { Name: 'plain' })));
    expect([plain?.Encrypted, plain?.KmsKeyId]).toEqual([false, undefined]);
  });

  test('of what is encrypted are encrypted, and give their key to the volumes', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const own = { Encrypted: true, KmsKeyId: KeyMetadata?.KeyId };
    const copy = await copyImage(east, base, { Name: 'encrypted', ...own });
    const { SnapshotId = '' } = await east.send(
      new CopySnapshotCommand({ SourceSnapshotId: snapshotOf(copy), SourceRegion: 'us-east-1' }),
    );
    const again = await snapshot(SnapshotId);
    expect(again?.Encrypted).toBe(true);
    expect(again?.KmsKeyId).not.toBe(KeyMetadata?.Arn);
    const launch = { ImageId: copy.ImageId, InstanceType: 't3.large', MinCount: 1, MaxCount: 1 } as const;
    await east.send(new RunInstancesCommand(launch));
    const { Volumes } = await east.send(new DescribeVolumesCommand({}));
    expect(Volumes?.[0]).toMatchObject({ Encrypted: true, KmsKeyId: KeyMetadata?.Arn });
  });

  test('are accepted with a key that is not there, and fail', async () => {
    const west = new KMSClient({ region: 'us-west-2', endpoint: lab.url, credentials: kms.config.credentials });
    const elsewhere = (await west.send(new CreateKeyCommand({}))).KeyMetadata?.Arn;
    west.destroy();
    for (const [at, KmsKeyId] of ['alias/nothing', '11111111-2222-3333-4444-555555555555', elsewhere].entries()) {
      const copy = await copyImage(east, base, { Name: `unkeyed-${at}`, Encrypted: true, KmsKeyId });
      expect(copy.State).toBe('failed');
      expect(copy.StateReason?.Message).toContain('Given key ID is not accessible');
      expect(await snapshot(snapshotOf(copy))).toMatchObject({ State: 'error' });
      expect((await snapshot(snapshotOf(copy)))?.StateMessage).toContain('not accessible');
    }
    await expect(
      east.send(
        new CopyImageCommand({ SourceImageId: base, SourceRegion: 'us-west-2', Name: 'unasked', KmsKeyId: 'alias/x' }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidParameterDependency' });
  });

  test('end as they are ordered to: late, or failed, in one region', async () => {
    await order({ region: 'us-west-2', failure: 'never here' });
    await order({ region: 'us-east-1', failure: 'the wire was cut', skip: 1 });
    expect((await copyImage(east, base, { Name: 'good' })).State).toBe('available');
    const bad = await copyImage(east, base, { Name: 'bad' });
    expect([bad.State, bad.StateReason?.Message]).toEqual(['failed', 'the wire was cut']);
    expect((await copyImage(east, base, { Name: 'good again' })).State).toBe('available');

    await order({ delayS: 0.5 });
    const { ImageId = '' } = await east.send(
      new CopyImageCommand({ SourceImageId: base, SourceRegion: 'us-west-2', Name: 'late' }),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await describeImage(east, ImageId))?.State).toBe('pending');
    await expect.poll(async () => (await describeImage(east, ImageId))?.State).toBe('available');
  });

  test('orders are checked, listed and taken back', async () => {
    expect((await order({ delayS: -1 })).status).toBe(400);
    await order({ failure: 'x', times: 2 });
    const listed = await fetch(`${lab.url}/_lab/copies`);
    expect(await listed.json()).toEqual([{ region: null, delayS: 0, failure: 'x', times: 2, skip: 0 }]);
  });
});

describe('orders for copies', () => {
  test.each([
    [null, 'JSON object'],
    [{}, 'one of the two'],
    [{ failure: '' }, 'failure'],
    [{ delayS: 9999 }, 'delayS'],
    [{ failure: 'x', times: 0 }, 'times'],
    [{ failure: 'x', skip: 0.5 }, 'skip'],
  ])('%j is refused', (value, said) => {
    expect(() => parseCopyOrder(value)).toThrow(said);
  });

  test('are used up by the copies that they hold for', () => {
    const copies = new Copies();
    copies.add(parseCopyOrder({ region: 'us-east-1', failure: 'x', times: 2 }));
    expect(copies.take('us-west-2')).toBeNull();
    expect(copies.take('us-east-1')?.failure).toBe('x');
    expect(copies.take('us-east-1')?.failure).toBe('x');
    expect(copies.take('us-east-1')).toBeNull();
  });
});
