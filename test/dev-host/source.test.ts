import type { Image } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { findSource, newestPassed } from '../../src/dev-host/source.ts';
import type { Message } from '../../src/io/reporter.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { fakeClients } from '../run/fake-clients.ts';

const PLAN = {
  profile: 'cpu-bookworm',
  region: 'local',
  apiRegion: 'us-west-2',
  baseImage: { id: 'ami-base', name: 'debian-12', ownerId: '1', architecture: 'x86_64', rootDeviceName: '/dev/xvda' },
} as unknown as BuildPlan;

function image(id: string, more: { verdict?: string; profile?: string; state?: string; day?: number } = {}): Image {
  const { verdict = 'passed', profile = 'cpu-bookworm', state = 'available', day = 1 } = more;
  return {
    ImageId: id,
    Name: `name-${id}`,
    State: state as 'available',
    CreationDate: `2026-11-0${day}T00:00:00.000Z`,
    RootDeviceName: '/dev/sda1',
    Tags: [
      { Key: 'ecs-host:verdict', Value: verdict },
      { Key: 'ecs-host:profile', Value: profile },
    ],
  };
}

test('the newest that passed, of this profile, that can be launched', () => {
  const images = [
    image('old'),
    image('new', { day: 3 }),
    image('failed', { day: 9, verdict: 'failed' }),
    image('never-smoked', { day: 9, verdict: 'not-run' }),
    image('other', { day: 9, profile: 'g3s-focal' }),
    image('pending', { day: 9, state: 'pending' }),
  ];
  expect(newestPassed(images, 'cpu-bookworm')?.ImageId).toBe('new');
  expect(newestPassed(images, 'nothing')).toBeNull();
});

describe('findSource', () => {
  async function find(images: readonly Image[], wish: { fromBase?: boolean; imageId?: string } = {}) {
    const messages: Message[] = [];
    const { clients, calls } = fakeClients({ DescribeImages: () => ({ Images: images }) });
    const reporter = { emit: (message: Message) => messages.push(message), close: async () => {} };
    const source = await findSource(clients, PLAN, { fromBase: false, imageId: null, ...wish }, reporter);
    return { source, messages, calls };
  }

  test('takes a proved image without a word', async () => {
    const { source, messages } = await find([image('new')]);
    expect(source).toEqual({ kind: 'image', imageId: 'new', imageName: 'name-new', rootDeviceName: '/dev/sda1' });
    expect(messages).toEqual([]);
  });

  test('takes the base image with a warning when nothing was proved', async () => {
    const { source, messages } = await find([image('bad', { verdict: 'failed' })]);
    expect(source).toMatchObject({ kind: 'base', imageId: 'ami-base' });
    expect(messages).toMatchObject([{ type: 'warning', code: 'DEV_HOST_FROM_BASE' }]);
  });

  test('takes the base image without a word, and without asking, when that was asked for', async () => {
    const { source, messages, calls } = await find([image('new')], { fromBase: true });
    expect(source.kind).toBe('base');
    expect([messages, calls]).toEqual([[], []]);
  });

  test('takes an image that was named, whatever its verdict, but only of the profile', async () => {
    expect((await find([image('bad', { verdict: 'failed' })], { imageId: 'bad' })).source.imageId).toBe('bad');
    await expect(find([image('x', { profile: 'g3s-focal' })], { imageId: 'x' })).rejects.toMatchObject({
      code: 'DEV_HOST_IMAGE',
      hint: 'add --profile g3s-focal',
    });
    await expect(find([], { imageId: 'gone' })).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' });
  });
});
