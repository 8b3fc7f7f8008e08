import { describe, expect, test } from 'vitest';
import { OWN_PROGRAM, SLOW_LAYER_FILE } from '../../src/bundle/names.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { fastBuild, slowBuild, wholeBuild } from '../../src/plan/layers.ts';
import { type ResolveInput, resolvePlan } from '../../src/plan/resolve.ts';
import { goldenInput } from '../render/golden-cases.ts';

function file(path: string, letter: string) {
  return { path, sha256: letter.repeat(64), bytes: 1 };
}
const BUNDLES = [
  file('bin/ecs-hostd.mjs', 'a'),
  file('provisioners/main.mjs', 'b'),
  file('rootfs.tar', 'c'),
  file(SLOW_LAYER_FILE, 'd'),
];
const input = { ...(await goldenInput('cpu-bookworm-local')), bundles: BUNDLES };

function planWith(change: (given: ResolveInput) => ResolveInput): BuildPlan {
  return resolvePlan(change(structuredClone(input)));
}
function profile(change: (of: ResolveInput['selection']['profile']) => void) {
  return (given: ResolveInput): ResolveInput => {
    change(given.selection.profile);
    return given;
  };
}
function carried(path: string) {
  const bundles = [...BUNDLES.filter((each) => each.path !== path), file(path, 'e')];
  return (given: ResolveInput): ResolveInput => ({ ...given, bundles });
}

const plain = resolvePlan(input);

describe('the digests of the layers', () => {
  test.each<[string, (given: ResolveInput) => ResolveInput]>([
    ['the host service', carried('bin/ecs-hostd.mjs')],
    ['a host service of the user', carried(OWN_PROGRAM)],
    ['a provisioner of the fast layer', carried('provisioners/main.mjs')],
    ['a file of the fast layer', carried('rootfs.tar')],
    ['the ECS agent', (given) => ({ ...given, versions: { ...given.versions, ecsAgentPackage: 'b.deb' } })],
    ['swap', profile((each) => Object.assign(each, { swapMiB: 512 }))],
  ])('differ in the fast one alone with %s', (_what, change) => {
    const { digest, layers } = planWith(change);
    expect(layers.slow.digest).toBe(plain.layers.slow.digest);
    expect(layers.fast.digest).not.toBe(plain.layers.fast.digest);
    expect(digest).not.toBe(plain.digest);
  });

  test.each<[string, (given: ResolveInput) => ResolveInput]>([
    ['Docker', (given) => ({ ...given, versions: { ...given.versions, docker: '20.10.25' } })],
    ['the AWS CLI', (given) => ({ ...given, versions: { ...given.versions, awsCli: '2.9.20-1' } })],
    ['what the slow layer is made with', carried(SLOW_LAYER_FILE)],
    ['Node', (given) => ({ ...given, node: { ...given.node, sha256: 'e'.repeat(64) } })],
    [
      'the base image',
      (given) => ({ ...given, facts: { ...given.facts, baseImage: { ...given.facts.baseImage, id: 'ami-2' } } }),
    ],
    ['the volume', profile((each) => Object.assign(each, { rootVolume: { sizeGiB: 64 } }))],
  ])('differ in both with %s', (_what, change) => {
    const { layers } = planWith(change);
    expect(layers.slow.digest).not.toBe(plain.layers.slow.digest);
    expect(layers.fast.digest).not.toBe(plain.layers.fast.digest);
  });

  test.each<[string, (given: ResolveInput) => ResolveInput]>([
    ['the endpoint', (given) => ({ ...given, endpointUrl: 'http://127.0.0.1:1' })],
    ['whether layers are wanted', profile((each) => Object.assign(each, { layers: true }))],
  ])('do not differ with %s', (_what, change) => {
    const { digest, layers } = planWith(change);
    expect({ ...layers, areWanted: false }).toEqual(plain.layers);
    expect(digest).toBe(plain.digest);
  });
});

describe('what is baked', () => {
  const slow = slowBuild(plain);
  const fast = fastBuild(plain, 'ami-layer');

  test('in both layers is what is baked whole, in the same order', () => {
    const shared = ['clean', 'verify'];
    const names = [
      ...plain.layers.slow.provisioners.filter((name) => !shared.includes(name)),
      ...plain.layers.fast.provisioners,
    ];
    expect(names.toSorted()).toEqual(plain.target.provisioners.toSorted());
    for (const { provisioners } of [plain.layers.slow, plain.layers.fast]) {
      expect(provisioners.slice(-2)).toEqual(shared);
      expect(provisioners).toEqual(plain.target.provisioners.filter((name) => provisioners.includes(name)));
    }
  });

  test('as the slow layer is no image of the plan: it has none of the tags by which one is found', () => {
    expect(slow.imageName).toBe(`ecs-host-layer-cpu-bookworm-${plain.layers.slow.digest.slice(0, 12)}`);
    expect(Object.keys(slow.tags)).toEqual(['Name', 'ecs-host:profile', 'ecs-host:source-image']);
    expect(slow.target.provisioners).toEqual(plain.layers.slow.provisioners);
  });

  test('upon it is the image of the plan, with all of its tags, and looks at all of it', () => {
    const { imageName, tags, target } = wholeBuild(plain);
    expect(fast).toMatchObject({ imageName, tags, target, sourceImageId: 'ami-layer', layerDigest: null });
    const script = fast.provisioning.at(-1)?.inline ?? [];
    expect(script.at(-1)).toMatch(/bake ecs-agent host-service imds-block limits record-versions clean verify$/);
    expect(script.join('\n')).not.toContain('gunzip');
  });
});
