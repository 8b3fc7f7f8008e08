import { generateKeyPairSync } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { besidePath } from '../../src/image/beside.ts';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { saveRecord } from '../../src/image/image-store.ts';
import { explainImage } from '../../src/inventory/explain-image.ts';
import { verifyImage } from '../../src/inventory/verify-image.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { ec2Tags, TAG, versionTags } from '../../src/run/tags.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { anInventory } from '../fixtures/inventory.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const smoke = {
  verdict: 'passed',
  runId: 'r-smoke',
  finishedAt: '',
  instanceIds: [],
  placement: null,
  checks: [],
  evidence: [],
};
const record: ImageRecord = {
  ...aRecord('ami-0aa'),
  planDigest: '1'.repeat(64),
  smoke: { ...smoke, verdict: 'passed' },
};
const plan = { digest: 'another' } as BuildPlan;

const TAGS = {
  ...versionTags(record.versions),
  [TAG.planDigest]: record.planDigest,
  [TAG.profile]: record.profile,
  [TAG.sourceImage]: record.sourceImageId,
  [TAG.commit]: record.commit,
  [TAG.runId]: record.runId,
  [TAG.verdict]: 'passed',
};

/** The image as the API has it. */
function image(tags: Readonly<Record<string, string>> = {}, more: object = {}): object {
  return {
    ImageId: 'ami-0aa',
    State: 'available',
    ImdsSupport: 'v2.0',
    Tags: ec2Tags({ ...TAGS, ...tags }),
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-1', Encrypted: true } }, { VirtualName: 'ephemeral0' }],
    ...more,
  };
}

beforeEach(async () => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
  vi.stubEnv('ECS_HOST_SIGNING_KEY', '');
  await saveRecord(record);
  return () => vi.unstubAllEnvs();
});

/** What is not correct: `id: what was found`, or why it was skipped. */
async function wrong(
  found: object | null,
  { of = record, key = null }: { of?: ImageRecord; key?: Parameters<typeof verifyImage>[2] } = {},
): Promise<string[]> {
  const { clients } = fakeClients({
    DescribeImages: () => {
      if (found === null) throw apiError('InvalidAMIID.NotFound');
      return { Images: [found] };
    },
  });
  const checks = await verifyImage(clients, of, key);
  expect(checks).toHaveLength(12);
  expect(checks.map(({ verdict }) => verdict)).not.toContain('missing');
  return checks
    .filter(({ verdict }) => verdict !== 'correct')
    .map(({ id, verdict, actual, reason }) => `${id}: ${verdict === 'skipped' ? `skipped, ${reason}` : actual}`);
}

const UNSIGNED = 'provenance.signature: skipped, nobody signed it';

describe('an image, its record and its provenance', () => {
  beforeEach(() => explainImage('ami-0aa', plan, anInventory('ami-0aa')));

  test('agree', async () => {
    expect(await wrong(image())).toEqual([UNSIGNED]);
  });

  test.each<[string, object | null, string[]]>([
    ['a tag was changed', image({ [TAG.profile]: 'other' }), ['image.tags: ecs-host:profile other']],
    ['a version was changed', image({ 'ecs-host:version/docker': '1' }), ['image.tags: ecs-host:version/docker 1']],
    ['it failed since', image({ [TAG.verdict]: 'failed' }), ['image.verdict: record passed, tag failed']],
    ['it was taken back', image({ [TAG.withdrawn]: '2026: bad' }), ['image.withdrawn: 2026: bad']],
    ['IMDS v1 answers', image({}, { ImdsSupport: undefined }), ['image.imds: v1']],
    [
      'it has another snapshot, in the clear',
      image({}, { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-2', Encrypted: false } }] }),
      ['snapshots.same: snap-2', 'snapshots.encrypted: not snap-2'],
    ],
    ['it is not ready', image({}, { State: 'pending' }), ['image.exists: pending']],
  ])('do not when %s', async (_, found, expected) => {
    expect(await wrong(found)).toEqual([...expected, UNSIGNED]);
  });

  test('are compared without the API where the image is gone', async () => {
    const reason = 'skipped, the region has no such image';
    expect(await wrong(null)).toEqual([
      'image.exists: not there',
      ...['image.tags', 'image.verdict', 'image.withdrawn', 'image.imds', 'snapshots.same', 'snapshots.encrypted'].map(
        (id) => `${id}: ${reason}`,
      ),
      UNSIGNED,
    ]);
  });

  test.each<[keyof ImageRecord, unknown, string[]]>([
    ['planDigest', '2'.repeat(64), ['image.tags', 'provenance.subject']],
    ['snapshotIds', ['snap-9'], ['snapshots.same', 'provenance.subject']],
    ['commit', 'other', ['image.tags', 'provenance.origin']],
    ['profile', 'other', ['image.tags', 'provenance.origin']],
    ['createdAt', '2020-01-01T00:00:00.000Z', ['provenance.origin']],
    ['versions', { docker: '1' }, ['image.tags']],
    ['smoke', null, ['image.verdict']],
  ])('do not when %s of the record was changed', async (field, value, ids) => {
    const found = await wrong(image(), { of: { ...record, [field]: value } });
    expect(found.filter((line) => line !== UNSIGNED).map((line) => line.split(':')[0])).toEqual(ids);
  });

  test('do not when a file beside the record was changed, or is gone', async () => {
    await writeFile(besidePath('ami-0aa', 'inventory'), '{}');
    await rm(besidePath('ami-0aa', 'sbom'));
    expect(await wrong(image())).toEqual([
      expect.stringMatching(/^provenance\.inventory: [0-9a-f]{64}$/),
      'provenance.sbom: no such file',
      UNSIGNED,
    ]);
  });

  test('a provenance that is none is told', async () => {
    await writeFile(besidePath('ami-0aa', 'provenance'), '{}');
    const { clients } = fakeClients({ DescribeImages: () => ({ Images: [image()] }) });
    const checks = await verifyImage(clients, record, null);
    expect(checks.at(-1)).toMatchObject({ id: 'provenance.subject', verdict: 'incorrect' });
  });

  test('an expected signature that is not there is incorrect', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    expect(await wrong(image(), { key: publicKey })).toEqual(['provenance.signature: not signed']);
  });
});

describe('a signature', () => {
  test('is skipped when nobody says whose, good for its key, and bad for another', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const file = join(tempFolder(), 'key.pem');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    vi.stubEnv('ECS_HOST_SIGNING_KEY', file);
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    expect(await wrong(image())).toEqual([
      'provenance.signature: skipped, no --key says whose signature it should have',
    ]);
    expect(await wrong(image(), { key: publicKey })).toEqual([]);
    const { publicKey: other } = generateKeyPairSync('ed25519');
    expect(await wrong(image(), { key: other })).toEqual([
      expect.stringMatching(/^provenance\.signature: no signature of it is good \([0-9a-f]{64}\)$/),
    ]);
  });
});

test('an image that nobody explained is verified without, unless a signature is asked for', async () => {
  expect((await wrong(image())).every((line) => line.includes('skipped, there is no provenance'))).toBe(true);
  const { publicKey } = generateKeyPairSync('ed25519');
  expect(await wrong(image(), { key: publicKey })).toContain('provenance.signature: there is no provenance');
});
