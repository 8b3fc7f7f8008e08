import type { Image } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { expectedTags } from '../../src/image/expected-tags.ts';
import { joinImages } from '../../src/image/list-images.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { planTags, versionTags } from '../../src/run/tags.ts';
import { aRecord } from '../fixtures/image-record.ts';

function tagged(ImageId: string, verdict: string, CreationDate: string): Image {
  return {
    ImageId,
    Name: 'n',
    State: 'available',
    CreationDate,
    Tags: [
      { Key: 'ecs-host:profile', Value: 'cpu-bookworm' },
      { Key: 'ecs-host:verdict', Value: verdict },
      { Key: 'ecs-host:run-id', Value: 'r-1' },
    ],
  };
}

describe('joinImages', () => {
  test('joins what the API lists with what was recorded', () => {
    const smoke = {
      verdict: 'failed' as const,
      runId: 'r-2',
      finishedAt: '',
      instanceIds: [],
      placement: null,
      checks: [],
      evidence: [],
    };
    const images = joinImages(
      [tagged('ami-both', 'passed', '2026-11-03'), tagged('ami-tags', 'passed', '2026-11-04')],
      [
        { ...aRecord('ami-both'), createdAt: '2026-11-03', smoke },
        { ...aRecord('ami-gone'), createdAt: '2026-11-01' },
      ],
      'us-west-2',
    );
    expect(images.map(({ imageId, knownBy, verdict, state }) => [imageId, knownBy, verdict, state])).toEqual([
      ['ami-tags', 'tags', 'passed', 'available'],
      ['ami-both', 'both', 'failed', 'available'],
      ['ami-gone', 'record', 'not-run', 'not found'],
    ]);
  });

  test('a damaged record is shown as such, whatever the tag says', () => {
    const images = joinImages([tagged('ami-1', 'passed', '2026-11-03')], [], 'us-west-2', ['ami-1', 'ami-2']);
    expect(images.map(({ imageId, verdict, state }) => [imageId, verdict, state])).toEqual([
      ['ami-1', 'damaged', 'available'],
      ['ami-2', 'damaged', 'not found'],
    ]);
  });

  test('an unknown verdict in a tag is no verdict', () => {
    expect(joinImages([tagged('ami-1', 'great', '')], [], 'us-west-2')[0]?.verdict).toBe('not-run');
  });
});

describe('the tags of an image', () => {
  test('are those of the plan and those of the run', () => {
    const plan = {
      tags: planTags({ imageName: 'n', profile: 'p', digest: 'd', sourceImageId: 'ami-base' }),
    } as unknown as BuildPlan;
    expect(expectedTags({ plan, runId: 'r-1', owner: 'me@here', commit: 'abc' })).toEqual({
      Name: 'n',
      'ecs-host:run-id': 'r-1',
      'ecs-host:owner': 'me@here',
      'ecs-host:kind': 'build',
      'ecs-host:profile': 'p',
      'ecs-host:plan-digest': 'd',
      'ecs-host:source-image': 'ami-base',
      'ecs-host:commit': 'abc',
      'ecs-host:verdict': 'not-run',
    });
  });

  test('name the versions, within what EC2 takes', () => {
    expect(versionTags({ docker: '1', node: 'x'.repeat(300) })).toEqual({
      'ecs-host:version/docker': '1',
      'ecs-host:version/node': 'x'.repeat(256),
    });
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`c${at}`, '1']));
    expect(Object.keys(versionTags(many)).length + 12).toBeLessThanOrEqual(50);
  });
});
