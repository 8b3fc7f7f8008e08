import { beforeEach, expect, test, vi } from 'vitest';
import type { Api } from '../../src/cli/connect.ts';
import type { Planning } from '../../src/cli/follow-plan.ts';
import type { Session } from '../../src/cli/session.ts';
import { lookForStanding, standingOutcome } from '../../src/cli/standing.ts';
import { goldenPlan } from '../render/golden-cases.ts';
import { fakeClients } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const plan = await goldenPlan('cpu-bookworm-local');
const CREATED = '2026-11-26T22:10:00.000Z';
const Tags = [{ Key: 'ecs-host:verdict', Value: 'passed' }];
const THERE = { Images: [{ ImageId: 'ami-0aa', State: 'available', CreationDate: CREATED, Tags }] };

/** A run that does nothing but look, and what it did. */
function aRun({ images = THERE, planned = async () => ({ plan }), aborted = false }) {
  const done: string[] = [];
  const { clients, calls } = fakeClients({ DescribeImages: () => images });
  const session = {
    signal: { aborted },
    leaveUntimed: () => done.push('untimed'),
  } as unknown as Session;
  const planning = {
    planned,
    preflight: async () => {
      done.push('preflight');
    },
  } as unknown as Planning;
  const look = (argv = {}) => lookForStanding(session, { clients } as Api, planning, argv);
  return { look, done, calls };
}

beforeEach(() => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
});

test('an image with the digest of the plan stands for it: no preflight, and no measure of a bake', async () => {
  const { look, done } = aRun({});
  const stands = await look();
  expect(done).toEqual(['untimed']);
  expect(stands && standingOutcome(stands)).toMatchObject({
    imageId: 'ami-0aa',
    since: CREATED,
    recordFile: null,
    result: { verdict: 'passed', checks: [] },
  });
});

test('without one there is something to bake', async () => {
  const { look, done } = aRun({ images: { Images: [] } });
  expect(await look()).toBeNull();
  expect(done).toEqual([]);
});

test('--force does not look', async () => {
  const { look, calls } = aRun({});
  expect(await look({ force: true })).toBeNull();
  expect(calls).toEqual([]);
});

test.each([
  ['a plan that fails has the preflight say everything that is missing', false, ['preflight']],
  ['but not when the run was interrupted', true, []],
] as const)('%s', async (_what, aborted, expected) => {
  const planned = () => Promise.reject(new Error('no group'));
  const { look, done } = aRun({ planned, aborted });
  await expect(look()).rejects.toThrow('no group');
  expect(done).toEqual(expected);
});
