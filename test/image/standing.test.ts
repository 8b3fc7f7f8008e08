import type { Image } from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { ImageRecord, Verdict } from '../../src/image/image-record.ts';
import { saveRecord } from '../../src/image/image-store.ts';
import { chooseStanding, findStanding, type Known, newestPassing } from '../../src/image/standing.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { fakeClients } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const DAY = '2026-11-26T22:10:00.000Z';

function image(ImageId: string, tags: Record<string, string>, more: Partial<Image> = {}): Image {
  const Tags = Object.entries(tags).map(([name, Value]) => ({ Key: `ecs-host:${name}`, Value }));
  return { ImageId, State: 'available', CreationDate: DAY, Tags, ...more };
}

function record(imageId: string, verdict: Verdict | null): ImageRecord {
  const smoke = {
    ...{ runId: 'r-2', finishedAt: DAY, instanceIds: [], placement: null, checks: [], evidence: [] },
  };
  return { ...aRecord(imageId), smoke: verdict === null ? null : { ...smoke, verdict } };
}

function known(one: Image, of: Known['record'] = null): Known {
  return { image: one, record: of };
}

function passed(id: string, more: Partial<Image> = {}): Image {
  return image(id, { verdict: 'passed' }, more);
}

describe('of the images with the digest of a plan', () => {
  test.each<[string, Known[], [string, string] | null]>([
    ['none: it is baked', [], null],
    ['one that passed stands', [known(passed('ami-1'))], ['ami-1', 'passed']],
    [
      'it does not matter whose it is',
      [known(image('ami-1', { verdict: 'passed', owner: 'somebody@elsewhere' }))],
      ['ami-1', 'passed'],
    ],
    ['nor that its record is of the bake alone', [known(passed('ami-1'), record('ami-1', null))], ['ami-1', 'passed']],
    ['one that failed does not', [known(image('ami-1', { verdict: 'failed' }))], null],
    ['nor one of which only the record says so', [known(passed('ami-1'), record('ami-1', 'failed'))], null],
    ['nor one whose record is damaged', [known(passed('ami-1'), 'damaged')], null],
    ['nor one that was taken back', [known(image('ami-1', { verdict: 'passed', withdrawn: 'x' }))], null],
    ['nor a layer', [known(image('ami-1', { verdict: 'passed', layer: 'd' }))], null],
    ['nor a copy that is under way', [known(image('ami-1', { verdict: 'passed', release: 'r' }))], null],
    ['nor one that is not there yet', [known(passed('ami-1', { State: 'pending' }))], null],
    ['nor one that was never finished', [known(image('ami-1', {}))], null],
    ['one that nobody proved is proven', [known(image('ami-1', { verdict: 'not-run' }))], ['ami-1', 'not-run']],
    ['unless it failed here', [known(image('ami-1', { verdict: 'not-run' }), record('ami-1', 'failed'))], null],
    [
      'an older one that passed comes before a newer one that nobody proved',
      [known(image('ami-2', { verdict: 'not-run' }, { CreationDate: '2026-11-27' })), known(passed('ami-1'))],
      ['ami-1', 'passed'],
    ],
    [
      'of two that passed the newer one stands',
      [known(passed('ami-1')), known(passed('ami-2', { CreationDate: '2026-11-27' }))],
      ['ami-2', 'passed'],
    ],
    [
      'a failure does not speak against another one',
      [known(image('ami-2', { verdict: 'failed' }, { CreationDate: '2026-11-27' })), known(passed('ami-1'))],
      ['ami-1', 'passed'],
    ],
  ])('%s', (_what, images, expected) => {
    const standing = chooseStanding(images);
    expect(standing && [standing.imageId, standing.verdict]).toEqual(expected);
  });
});

beforeEach(() => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
});

const plan = { digest: 'd'.repeat(64), packageLists: { 'bookworm-security': 'a'.repeat(64) } };

test('the region is asked by the digest, and what is remembered of an image here counts', async () => {
  const { clients, calls } = fakeClients({
    DescribeImages: () => ({ Images: [passed('ami-0aa'), passed('ami-0bb')] }),
  });
  await saveRecord(record('ami-0bb', 'failed'));
  expect(await findStanding(clients, plan)).toMatchObject({ imageId: 'ami-0aa', since: DAY, record: null });
  expect(calls).toEqual([
    {
      command: 'DescribeImages',
      input: expect.objectContaining({
        Owners: ['self'],
        Filters: [
          { Name: 'tag:ecs-host:plan-digest', Values: [plan.digest] },
          { Name: 'state', Values: ['available'] },
        ],
      }),
    },
  ]);
});

test('while it is not known what security updates there are, no image stands', async () => {
  const { clients, calls } = fakeClients({});
  expect(await findStanding(clients, { ...plan, packageLists: { 'bookworm-security': 'unknown' } })).toBeNull();
  expect(calls).toEqual([]);
});

test('the newest of a profile is one that passed', async () => {
  const Images = [passed('ami-0aa'), image('ami-0cc', { verdict: 'passed', withdrawn: 'x' }, { CreationDate: '2027' })];
  const { clients, calls } = fakeClients({ DescribeImages: () => ({ Images }) });
  expect(await newestPassing(clients, 'cpu-bookworm')).toMatchObject({ imageId: 'ami-0aa' });
  expect(calls[0]?.input).toMatchObject({
    Filters: expect.arrayContaining([
      { Name: 'tag:ecs-host:profile', Values: ['cpu-bookworm'] },
      { Name: 'tag:ecs-host:verdict', Values: ['passed'] },
    ]),
  });
});
