import type { Image } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { findLayer } from '../../src/bake/bake-layers.ts';
import { findImageRemains } from '../../src/image/delete-image.ts';
import { layerTags } from '../../src/image/expected-tags.ts';
import { joinImages } from '../../src/image/list-images.ts';
import { ec2Tags } from '../../src/run/tags.ts';
import { fakeClients } from '../run/fake-clients.ts';

const TAGS = layerTags({
  build: { tags: { Name: 'ecs-host-layer-p-d', 'ecs-host:profile': 'p' } },
  layerDigest: 'd',
  ...{ runId: 'r-1', owner: 'me@here', commit: 'abc' },
});
const layer: Image = { ImageId: 'ami-0aa', Name: 'n', State: 'available', Tags: ec2Tags(TAGS) };

test('a finished layer says what is in it, and has neither verdict nor the digest of a plan', () => {
  expect(TAGS).toMatchObject({ 'ecs-host:layer': 'd', 'ecs-host:run-id': 'r-1', 'ecs-host:kind': 'build' });
  expect(Object.keys(TAGS)).not.toContain('ecs-host:verdict');
  expect(Object.keys(TAGS)).not.toContain('ecs-host:plan-digest');
});

test('a layer is listed as one', () => {
  expect(joinImages([layer], [], 'us-west-2')).toMatchObject([{ imageId: 'ami-0aa', verdict: 'layer', profile: 'p' }]);
});

test('a layer is ours to delete', async () => {
  const { clients } = fakeClients({ DescribeImages: () => ({ Images: [layer] }) });
  const remains = await findImageRemains(clients, 'ami-0aa', null, { apiRegion: 'us-west-2', endpointUrl: null });
  expect(remains).toMatchObject({ imageId: 'ami-0aa', isRegistered: true });
});

test('the newest layer of a digest is taken, of this account and available', async () => {
  const { clients, calls } = fakeClients({
    DescribeImages: () => ({
      Images: [
        { ImageId: 'ami-old', CreationDate: '2026-11-01T00:00:00.000Z' },
        { ImageId: 'ami-new', CreationDate: '2026-11-02T00:00:00.000Z' },
      ],
    }),
  });
  expect(await findLayer(clients, 'd')).toBe('ami-new');
  expect(calls[0]?.input).toMatchObject({
    Owners: ['self'],
    Filters: [
      { Name: 'tag:ecs-host:layer', Values: ['d'] },
      { Name: 'state', Values: ['available'] },
    ],
  });
});

test('where there is no layer, none is found', async () => {
  expect(await findLayer(fakeClients({ DescribeImages: () => ({}) }).clients, 'd')).toBeNull();
});
