import { expect, test } from 'vitest';
import { changedInputs, inputsOf } from '../../src/plan/inputs.ts';
import { goldenCases, goldenPlan } from '../render/golden-cases.ts';

test('the inputs of a plan have short values under names that people know', async () => {
  const plan = await goldenPlan('g3s-focal-us-east-2');
  const inputs = inputsOf(plan);
  expect(inputs).toMatchObject({
    'base image': `${plan.baseImage.id} (${plan.baseImage.name})`,
    'docker.version': plan.target.docker.version,
    'nvidia.driverVersion': plan.target.nvidia?.driverVersion,
    'os.codename': 'focal',
    'package list focal-security': '555555555555',
    securityUpdates: 'yes',
    'toolchain.packer': plan.toolchain.packer,
  });
  expect(Object.keys(inputs)).toEqual(Object.keys(inputs).toSorted());
  for (const name of plan.bundles.map(({ path }) => `file ${path}`)) expect(inputs[name]).toMatch(/^[0-9a-f]{12}$/);
  expect(inputs['step provision']).toMatch(/^[0-9a-f]{12}$/);
});

test('two plans have the same inputs exactly when they have the same digest', async () => {
  const plans = await Promise.all(goldenCases().map(goldenPlan));
  for (const a of plans)
    for (const b of plans) {
      const isSame = changedInputs(inputsOf(a), inputsOf(b)).length === 0;
      expect(isSame, `${a.planName} and ${b.planName}`).toBe(a.digest === b.digest);
    }
});

test('what is new, gone or another is told apart', () => {
  expect(changedInputs({ a: '1', b: '1', c: '1' }, { b: '2', c: '1', d: '1' })).toEqual([
    { name: 'a', before: '1', after: null },
    { name: 'b', before: '1', after: '2' },
    { name: 'd', before: null, after: '1' },
  ]);
});
