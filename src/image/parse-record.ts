import { list, map, NUMBER, nullable, object, oneOf, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { type ImageRecord, RECORD_VERSION } from './image-record.ts';

const CHECK = object(
  {
    id: TEXT,
    title: TEXT,
    expected: TEXT,
    actual: TEXT,
    verdict: oneOf('correct', 'incorrect', 'missing', 'skipped'),
    reason: TEXT,
    durationMs: NUMBER,
  },
  ['reason', 'durationMs'],
);

/**
 * What `ImageRecord` says, for a file that anything may have happened to. Keys that it does not know are left
 * alone.
 */
const problemOf = shapeCheck(
  object({
    imageName: TEXT,
    snapshotIds: list(TEXT),
    region: TEXT,
    apiRegion: TEXT,
    endpointUrl: nullable(TEXT),
    profile: TEXT,
    planDigest: TEXT,
    planName: TEXT,
    runId: TEXT,
    commit: TEXT,
    sourceImageId: TEXT,
    createdAt: TEXT,
    versions: map(TEXT),
    substitutions: list(object({ component: TEXT, source: TEXT, reason: TEXT })),
    timings: list(object({ name: TEXT, stage: TEXT, durationMs: NUMBER, outcome: oneOf('ok', 'failed', 'skipped') })),
    bakeChecks: list(CHECK),
    smoke: nullable(
      object({
        verdict: oneOf('passed', 'failed', 'not-run'),
        runId: TEXT,
        finishedAt: TEXT,
        instanceIds: list(TEXT),
        checks: list(CHECK),
        evidence: list(TEXT),
      }),
    ),
  }),
);

/** @returns why the content is no record of this version, or the record. */
export function parseRecord(text: string, imageId: string): ImageRecord | string {
  const value = parseObject(text);
  if (typeof value === 'string') return value;
  if (value['recordVersion'] !== RECORD_VERSION)
    return `its recordVersion is ${String(value['recordVersion'])}, not ${RECORD_VERSION}`;
  if (value['imageId'] !== imageId) return `it is about ${String(value['imageId'])}`;
  return problemOf(value) ?? (value as unknown as ImageRecord);
}
