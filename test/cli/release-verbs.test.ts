import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FakeRegion as Region } from '../release/fake-region.ts';
import { tempFolder } from '../support/temp-folder.ts';

const REGIONS = '../../src/cli/release-regions.ts';
let regions: Region[] = [];
// Modules of this file's own: other files have the verbs with the regions of hosts.yaml.
vi.resetModules();
vi.doMock(REGIONS, async (original) => ({
  ...(await original<object>()),
  withPlaces: (
    _session: unknown,
    _argv: unknown,
    _names: unknown,
    work: (places: unknown, endpoint: null) => unknown,
  ) =>
    work(
      regions.map(({ place }) => place),
      null,
    ),
}));
const { prune } = await import('../../src/cli/verbs/prune.ts');
const { promote, rollback } = await import('../../src/cli/verbs/release-moves.ts');
const { withdraw } = await import('../../src/cli/verbs/release-withdraw.ts');
const { FakeRegion } = await import('../release/fake-region.ts');
afterAll(() => {
  vi.doUnmock(REGIONS);
  vi.resetModules();
});

let out = '';
let said = '';
beforeEach(async () => {
  out = '';
  said = '';
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  regions = [new FakeRegion('us-east-1'), new FakeRegion('us-east-2')];
  for (const region of regions) {
    for (const id of ['ami-a', 'ami-b']) {
      region.bake(id, { at: id === 'ami-a' ? '2026-01-01' : '2026-02-01' });
      await region.release('stable', id);
    }
    region.bake('ami-c', { at: '2026-03-01' });
    await region.release('nightly', 'ami-c');
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const PROMOTION = { from: 'nightly', to: 'stable' };

function named(): (string | undefined)[] {
  return regions.map((region) => region.named('stable'));
}

test('promote says from what to what in each region', async () => {
  expect(await promote(PROMOTION)).toBe(0);
  expect(out).toBe('us-east-1   p stable: ami-b -> ami-c\nus-east-2   p stable: ami-b -> ami-c\n');
});

test('promote moves nothing where one region must not have the image, and says which', async () => {
  regions[1]?.bake('ami-c', { verdict: 'failed' });
  await expect(promote(PROMOTION)).rejects.toMatchObject({
    code: 'RELEASE_REFUSED',
    details: [{ where: 'us-east-2', reason: 'ami-c of nightly: it failed its smoke test' }],
  });
  expect(named()).toEqual(['ami-b', 'ami-b']);
});

test('promote that fails in one region ends with 3, says so, and the same again finishes it', async () => {
  regions[1]?.failing.set('PutParameter', 'InternalServerError');
  expect(await promote({ ...PROMOTION, json: true })).toBe(3);
  expect(JSON.parse(out)).toMatchObject({ type: 'promotion', moves: [{ outcome: 'moved' }, { outcome: 'failed' }] });
  expect(said).toContain('not moved in us-east-2');
  regions[1]?.failing.clear();
  expect(await promote(PROMOTION)).toBe(0);
  expect(named()).toEqual(['ami-c', 'ami-c']);
});

test('rollback goes back where it can, and ends with 2 where a region cannot', async () => {
  regions[1]?.images.delete('ami-a');
  expect(await rollback({ channel: 'stable' })).toBe(2);
  expect(out).toContain('us-east-1   p stable: ami-b -> ami-a');
  expect(out).toContain('us-east-2   p stable: refused, no earlier image can take its place: ami-a: it is not there');
  expect(named()).toEqual(['ami-a', 'ami-b']);
});

test('withdraw asks where nobody can answer only with --yes, and knows only what was baked', async () => {
  const argv = { image: 'ami-b', reason: 'panics' };
  await expect(withdraw(argv)).rejects.toMatchObject({ code: 'CONFIRMATION' });
  await expect(withdraw({ ...argv, image: 'ami-9', yes: true })).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' });
  await expect(withdraw({ ...argv, image: 'b', yes: true })).rejects.toMatchObject({ code: 'IMAGE_ID' });
  expect(regions.flatMap(({ changes }) => changes)).toEqual([]);
});

test('withdraw says what it did in each region, and who uses the image still', async () => {
  const [first] = regions;
  if (first) first.instances = [{ InstanceId: 'i-1', ImageId: 'ami-b', State: { Name: 'running' } }];
  expect(await withdraw({ image: 'ami-b', reason: 'panics', yes: true })).toBe(0);
  expect(out).toContain('us-east-1\n  p/stable: ami-b -> ami-a\n  ami-b name-ami-b: withdrawn\n');
  expect(out).toContain('    still used by instance i-1 (running)\nus-east-2\n');
  expect(out).toContain('    used by nothing\n');
});

test('a withdrawal of which a part failed ends with 3, and says which', async () => {
  regions[0]?.failing.set('EnableImageDeprecation', 'InternalError');
  expect(await withdraw({ image: 'ami-b', reason: 'panics', yes: true, json: true })).toBe(3);
  const failure = 'us-east-1: deprecation of ami-b: fake: InternalError';
  expect(JSON.parse(out)).toMatchObject({ type: 'withdrawal', imageId: 'ami-b', failures: [failure] });
  expect(said).toContain(failure);
  expect(named()).toEqual(['ami-a', 'ami-a']);
});

const PRUNE = { 'older-than': '30d', keep: 1, allRegions: true };

test('prune only shows, with sizes and cost, until it is told to', async () => {
  for (const region of regions) region.bake('ami-0', { at: '2025-12-01', verdict: null });
  expect(await prune(PRUNE)).toBe(0);
  expect(out).toMatch(/us-east-1 +ami-0 +p +2025-12-01 +8.0 GiB +\$0.400 +no smoke test judged it/);
  expect(out).toContain('2 images to prune, at most 16.0 GiB of snapshots, $0.800 a month; 6 stay (--json says why)');
  expect(regions.flatMap(({ changes }) => changes)).toEqual([]);
  expect(await prune({ ...PRUNE, yes: true })).toBe(0);
  expect(out).toMatch(/2 pruned\n$/);
  expect(regions.map(({ images }) => images.has('ami-0'))).toEqual([false, false]);
});

test('prune goes on where an image fails, and ends with 3', async () => {
  for (const region of regions) region.bake('ami-0', { at: '2025-12-01' });
  regions[0]?.failing.set('DeregisterImage', 'InternalError');
  expect(await prune({ ...PRUNE, yes: true, json: true })).toBe(3);
  expect(JSON.parse(out)).toMatchObject({
    type: 'prune',
    dryRun: false,
    totals: { images: 2, gib: 16 },
    done: [
      { region: 'us-east-1', outcome: 'failed' },
      { region: 'us-east-2', outcome: 'pruned' },
    ],
  });
});

test('prune that is interrupted says what it did', async () => {
  for (const region of regions) region.bake('ami-0', { at: '2025-12-01' });
  const before = new Set(process.listeners('SIGINT'));
  const [first] = regions;
  const images = first?.images ?? new Map();
  // Ctrl-C comes while the first image is deleted.
  vi.spyOn(images, 'delete').mockImplementation(() => {
    for (const listener of process.listeners('SIGINT')) if (!before.has(listener)) listener('SIGINT');
    return true;
  });
  first?.bake('ami-1', { at: '2025-12-02' });
  await expect(prune({ ...PRUNE, yes: true })).rejects.toMatchObject({
    kind: 'interrupted',
    code: 'PRUNE_INTERRUPTED',
    details: expect.arrayContaining([{ where: 'us-east-1', reason: 'ami-0 pruned' }]),
  });
});

test.each([
  [{ keep: -1 }, 'USAGE'],
  [{ 'older-than': 'soon' }, 'DURATION'],
  [{ region: ['local'], allRegions: true }, 'USAGE'],
])('prune refuses %j', async (more, code) => {
  await expect(prune({ ...PRUNE, ...more })).rejects.toMatchObject({ code });
});
