import { expect, test } from 'vitest';
import { changedInputs } from '../../src/nightly/changed.ts';
import { goldenPlan } from '../render/golden-cases.ts';

test('the inputs that changed are told by name, and nothing else of a plan', async () => {
  const plan = await goldenPlan('cpu-bookworm-local');
  expect(changedInputs(plan, plan)).toEqual([]);
  const [first, ...others] = plan.bundles;
  const now = {
    ...plan,
    ...{ instanceTypes: ['m5.large'], imageName: 'another', warnings: [] },
    baseImage: { ...plan.baseImage, id: 'ami-1' },
    target: { ...plan.target, docker: { ...plan.target.docker, version: '9' }, swapMiB: 1 },
    bundles: [...others.map((file) => ({ ...file })), { path: 'bin/new', sha256: '0', bytes: 1 }],
  };
  expect(changedInputs(plan, now)).toEqual([
    'base image',
    'target docker',
    'target swapMiB',
    'file bin/new',
    `file ${first?.path}`,
  ]);
});
