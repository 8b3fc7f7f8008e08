import { describe, expect, test } from 'vitest';
import facts from '../../src/config/instance-facts.json' with { type: 'json' };
import { factsOf, gpuNeeds, gpuOf, sizesOf } from '../../src/config/instance-types.ts';

describe('an instance type', () => {
  test('is known by what it has', () => {
    expect(factsOf('g3s.xlarge')).toEqual({
      vcpus: 4,
      memoryMiB: 31232,
      storeGB: 0,
      usdPerHour: 0.75,
      gpu: { name: 'M60', count: 1, part: 1, memoryMiB: 8192 },
    });
    expect(factsOf('g4dn.xlarge')).toMatchObject({ storeGB: 125, gpu: { name: 'T4' } });
    expect(factsOf('t3.large')).toMatchObject({ vcpus: 2, memoryMiB: 8192, gpu: null });
    for (const nobody of ['z9.large', 'constructor', '']) expect(factsOf(nobody)).toBeNull();
  });

  test('of which all have a GPU whose architecture is known', () => {
    const without = Object.keys(facts).filter((type) => factsOf(type)?.gpu && gpuOf(type) === null);
    expect(without).toEqual([]);
  });

  test.each([
    ['p3dn.24xlarge', 'volta'],
    ['p4de.24xlarge', 'ampere'],
    ['p5e.48xlarge', 'hopper'],
    ['p5en.48xlarge', 'hopper'],
    ['p6-b200.48xlarge', 'blackwell'],
    ['p6-b300.48xlarge', 'blackwell'],
    ['p6e-gb200.36xlarge', 'blackwell'],
    ['g6f.large', 'ada'],
    ['gr6f.4xlarge', 'ada'],
    ['g7e.2xlarge', 'blackwell'],
    ['g4ad.xlarge', null],
    ['g5.new-size', 'ampere'],
    ['z9.large', null],
  ])('%s has a GPU of %s', (type, architecture) => {
    expect(gpuOf(type)).toBe(architecture);
  });

  test('with a GPU of NVIDIA is on the list, whatever its size', () => {
    const families = new Set(
      Object.keys(facts).flatMap((type) => (factsOf(type)?.gpu ? [type.split('.')[0] ?? ''] : [])),
    );
    expect(families.size).toBeGreaterThan(20);
    for (const family of families)
      for (const size of sizesOf(`${family}.x`) ?? []) expect(factsOf(`${family}.${size}`)?.gpu).toBeTruthy();
  });

  test.each([
    'p4d.24xlarge',
    'p4de.24xlarge',
    'p5.48xlarge',
    'p5e.48xlarge',
    'p5en.48xlarge',
    'p6-b200.48xlarge',
    'p6-b300.48xlarge',
    'p6e-gb200.36xlarge',
  ])('%s needs a fabric manager', (type) => {
    expect(gpuNeeds(type, 'data-center')).toContain('fabric manager');
  });

  test.each(['p5.4xlarge', 'p3.16xlarge', 'g5.48xlarge', 'g6e.xlarge', 'g3s.xlarge', 't3.large', 'z9.large'])(
    '%s needs none',
    (type) => {
      expect(gpuNeeds(type, 'data-center')).toBeNull();
    },
  );
});
