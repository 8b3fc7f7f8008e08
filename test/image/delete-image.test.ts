import { expect, test } from 'vitest';
import { deleteImage, findImageRemains } from '../../src/image/delete-image.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';

const LAB = { apiRegion: 'us-west-2', endpointUrl: 'http://127.0.0.1:4599' };
function image(tag: string): object {
  return {
    ImageId: 'ami-0aa',
    Name: 'n',
    Tags: [{ Key: tag, Value: 'd' }],
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-2' } }, { VirtualName: 'ephemeral0' }],
  };
}
function gone(code: string) {
  return () => {
    throw apiError(code);
  };
}

test('deregisters the image, then deletes every snapshot that image or record name', async () => {
  const { clients, calls } = fakeClients({
    DescribeImages: () => ({ Images: [image('ecs-host:plan-digest')] }),
    DeregisterImage: () => ({}),
    DeleteSnapshot: () => ({}),
  });
  const remains = await findImageRemains(clients, 'ami-0aa', aRecord('ami-0aa'), LAB);
  await deleteImage(clients, remains);
  expect(calls.slice(1).map(({ command, input }) => [command, ...Object.values(input)])).toEqual([
    ['DeregisterImage', 'ami-0aa'],
    ['DeleteSnapshot', 'snap-2'],
    ['DeleteSnapshot', 'snap-1'],
  ]);
});

test('what is gone already is no error, so a deletion can be done again', async () => {
  const { clients } = fakeClients({
    DescribeImages: gone('InvalidAMIID.NotFound'),
    DeleteSnapshot: gone('InvalidSnapshot.NotFound'),
  });
  const remains = await findImageRemains(clients, 'ami-0aa', aRecord('ami-0aa'), LAB);
  expect(remains).toMatchObject({ isRegistered: false, snapshotIds: ['snap-1'] });
  await deleteImage(clients, remains);
});

test('a snapshot that cannot be deleted is told', async () => {
  const { clients } = fakeClients({
    DescribeImages: gone('InvalidAMIID.NotFound'),
    DeleteSnapshot: gone('InvalidSnapshot.InUse'),
  });
  const remains = await findImageRemains(clients, 'ami-0aa', aRecord('ami-0aa'), LAB);
  await expect(deleteImage(clients, remains)).rejects.toMatchObject({ name: 'InvalidSnapshot.InUse' });
});

test('an image of somebody else is left alone', async () => {
  const { clients } = fakeClients({ DescribeImages: () => ({ Images: [image('team')] }) });
  await expect(findImageRemains(clients, 'ami-0aa', null, LAB)).rejects.toMatchObject({ code: 'IMAGE_FOREIGN' });
});

test('an image that nobody knows, and one of another region or endpoint, are mistakes', async () => {
  const { clients } = fakeClients({ DescribeImages: gone('InvalidAMIID.NotFound') });
  await expect(findImageRemains(clients, 'ami-0aa', null, LAB)).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' });
  const record = aRecord('ami-0aa');
  for (const other of [
    { ...LAB, apiRegion: 'us-east-2' },
    { ...LAB, endpointUrl: null },
  ])
    await expect(findImageRemains(clients, 'ami-0aa', record, other)).rejects.toMatchObject({
      code: 'IMAGE_ELSEWHERE',
    });
});
