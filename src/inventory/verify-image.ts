import type { KeyObject } from 'node:crypto';
import { basename } from 'node:path';
import type { Image } from '@aws-sdk/client-ec2';
import type { Check } from '#contracts/check.ts';
import type { AwsClients } from '../aws/clients.ts';
import { besidePath } from '../image/beside.ts';
import { findImage } from '../image/find-image.ts';
import type { ImageRecord } from '../image/image-record.ts';
import { ec2TagsAsObject, TAG, type Tags, versionTags } from '../run/tags.ts';
import { sha256Of, textIfThere } from './inventory-store.ts';
import { byproductDigest, type Provenance, readProvenance } from './provenance.ts';
import { isSignedBy, keyId } from './signature.ts';
import type { Statement } from './statement.ts';

/** Ids of the checks with what each is about, in the order in which they are made. */
const TITLES = {
  'image.exists': 'The region has the image',
  'image.tags': 'Its tags say what the record says',
  'image.verdict': 'It passed its smoke test',
  'image.withdrawn': 'It was not taken back',
  'image.imds': 'Its instances answer to IMDS v2 only',
  'snapshots.same': 'Its snapshots are those of the record',
  'snapshots.encrypted': 'They are encrypted',
  'provenance.subject': 'The provenance is about this image',
  'provenance.origin': 'The provenance says what the record says',
  'provenance.inventory': 'The inventory is the one that the provenance names',
  'provenance.sbom': 'The bill of materials is the one that the provenance names',
  'provenance.signature': 'The provenance is signed',
} as const;

type Id = keyof typeof TITLES;

function check(id: Id, expected: string, actual: string): Check {
  return { id, title: TITLES[id], expected, actual, verdict: expected === actual ? 'correct' : 'incorrect' };
}

function skipped(id: Id, reason: string): Check {
  return { id, title: TITLES[id], expected: '', actual: 'not looked at', verdict: 'skipped', reason };
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : [...values].sort().join(', ');
}

/** Those of the record by its fields; what only the plan knows is not compared. */
function expectedOf(record: ImageRecord): Tags {
  return {
    ...versionTags(record.versions),
    [TAG.planDigest]: record.planDigest,
    [TAG.profile]: record.profile,
    [TAG.sourceImage]: record.sourceImageId,
    [TAG.commit]: record.commit,
    [TAG.runId]: record.runId,
  };
}

function tagsCheck(record: ImageRecord, tags: Tags): Check {
  const different = Object.entries(expectedOf(record)).filter(([key, value]) => tags[key] !== value);
  const actual = different.map(([key]) => `${key} ${tags[key] ?? 'not set'}`);
  return check('image.tags', 'as recorded', different.length === 0 ? 'as recorded' : actual.join(', '));
}

function ofTheApi(record: ImageRecord, image: Image): Check[] {
  const tags = ec2TagsAsObject(image.Tags);
  const volumes = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => (Ebs?.SnapshotId === undefined ? [] : [Ebs]));
  const snapshots = volumes.map(({ SnapshotId = '' }) => SnapshotId);
  const open = volumes.filter(({ Encrypted }) => Encrypted !== true).map(({ SnapshotId = '' }) => SnapshotId);
  const verdicts = { record: record.smoke?.verdict ?? 'not-run', tag: tags[TAG.verdict] ?? 'none' };
  const verdict = verdicts.record === verdicts.tag ? verdicts.tag : `record ${verdicts.record}, tag ${verdicts.tag}`;
  return [
    tagsCheck(record, tags),
    check('image.verdict', 'passed', verdict),
    check('image.withdrawn', 'no', tags[TAG.withdrawn] ?? 'no'),
    check('image.imds', 'v2.0', image.ImdsSupport ?? 'v1'),
    check('snapshots.same', listed(record.snapshotIds), listed(snapshots)),
    check('snapshots.encrypted', 'all', open.length === 0 ? 'all' : `not ${listed(open)}`),
  ];
}

const OF_THE_API: readonly Id[] = [
  'image.tags',
  'image.verdict',
  'image.withdrawn',
  'image.imds',
  'snapshots.same',
  'snapshots.encrypted',
];

async function fileCheck(
  id: 'provenance.inventory' | 'provenance.sbom',
  record: ImageRecord,
  statement: Statement,
): Promise<Check> {
  const path = besidePath(record.imageId, id === 'provenance.inventory' ? 'inventory' : 'sbom');
  const named = byproductDigest(statement, basename(path));
  const text = await textIfThere(path);
  return check(id, named ?? 'named by the provenance', text === null ? 'no such file' : sha256Of(text));
}

function originOf({ predicate }: Statement): string {
  const { profile, region, commit } = predicate.buildDefinition.externalParameters;
  const { invocationId, finishedOn } = predicate.runDetails.metadata;
  return listed([profile, region, commit, invocationId, finishedOn]);
}

function subjectOf(entries: readonly { readonly name: string; readonly digest?: Readonly<Record<string, string>> }[]) {
  return listed(entries.map(({ name, digest }) => `${name} ${digest?.['sha256'] ?? 'without a digest'}`));
}

function signatureCheck({ envelope }: Provenance, key: KeyObject | null): Check {
  const id = 'provenance.signature';
  const isUnsigned = envelope.signatures.length === 0;
  if (key === null)
    return skipped(id, isUnsigned ? 'nobody signed it' : 'no --key says whose signature it should have');
  const expected = `signed by ${keyId(key)}`;
  const others = envelope.signatures.map(({ keyid }) => keyid);
  const otherwise = isUnsigned ? 'not signed' : `no signature of it is good (${listed(others)})`;
  return check(id, expected, isSignedBy(envelope, key) ? expected : otherwise);
}

async function ofTheProvenance(record: ImageRecord, key: KeyObject | null): Promise<Check[]> {
  const found = await readProvenance(record.imageId);
  const ids: readonly Id[] = ['provenance.subject', 'provenance.origin', 'provenance.inventory', 'provenance.sbom'];
  if (found === null) {
    const reason = `there is no provenance; \`ecs-host smoke ${record.imageId}\` writes one`;
    const signature = key === null ? skipped('provenance.signature', reason) : null;
    return [
      ...ids.map((id) => skipped(id, reason)),
      signature ?? check('provenance.signature', 'signed', 'there is no provenance'),
    ];
  }
  if (typeof found === 'string') return [check('provenance.subject', 'a statement', `a file that is none: ${found}`)];
  const { statement } = found;
  const { planDigest, imageId, snapshotIds, profile, region, commit, runId, createdAt } = record;
  const subjects = [imageId, ...snapshotIds].map((name) => ({ name, digest: { sha256: planDigest } }));
  return [
    check('provenance.subject', subjectOf(subjects), subjectOf(statement.subject)),
    check('provenance.origin', listed([profile, region, commit, runId, createdAt]), originOf(statement)),
    await fileCheck('provenance.inventory', record, statement),
    await fileCheck('provenance.sbom', record, statement),
    signatureCheck(found, key),
  ];
}

/**
 * Compares an image as the API has it, its record, and what explains it.
 *
 * @param key whose signature the provenance should have; null when nobody said
 * @returns a check each, none of them `missing`
 */
export async function verifyImage(
  clients: AwsClients,
  record: ImageRecord,
  key: KeyObject | null,
): Promise<readonly Check[]> {
  const image = await findImage(clients, record.imageId);
  const state = image === null ? 'not there' : String(image.State);
  return [
    check('image.exists', 'available', state),
    ...(image === null ? OF_THE_API.map((id) => skipped(id, 'the region has no such image')) : ofTheApi(record, image)),
    ...(await ofTheProvenance(record, key)),
  ];
}
