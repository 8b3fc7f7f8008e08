import { FLAG, list, map, NUMBER, nullable, object, oneOf, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
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

const PLACEMENT = nullable(
  object({
    used: object({ instanceType: TEXT, zone: TEXT, subnetId: TEXT, public: FLAG, reason: TEXT }),
    tried: list(object({ region: TEXT, instanceType: TEXT, zone: TEXT, subnetId: TEXT, code: TEXT, why: TEXT })),
  }),
);

/**
 * What `ImageRecord` says, for a file that anything may have happened to. Keys that it does not know are left
 * alone.
 */
const problemOf = shapeCheck(
  object(
    {
      imageName: TEXT,
      snapshotIds: list(TEXT),
      region: TEXT,
      apiRegion: TEXT,
      endpointUrl: nullable(TEXT),
      profile: TEXT,
      planDigest: TEXT,
      planName: TEXT,
      inputs: nullable(map(TEXT)),
      runId: TEXT,
      commit: TEXT,
      sourceImageId: TEXT,
      copiedFrom: object({ imageId: TEXT, apiRegion: TEXT }),
      createdAt: TEXT,
      layers: nullable(object({ slow: object({ digest: TEXT, imageId: TEXT }), fast: object({ digest: TEXT }) })),
      placement: PLACEMENT,
      versions: map(TEXT),
      substitutions: list(object({ component: TEXT, source: TEXT, reason: TEXT })),
      timings: list(object({ name: TEXT, stage: TEXT, durationMs: NUMBER, outcome: oneOf('ok', 'failed', 'skipped') })),
      steps: list(object({ name: TEXT, from: NUMBER, to: NUMBER })),
      bakeChecks: list(CHECK),
      smoke: nullable(
        object({
          verdict: oneOf('passed', 'failed', 'not-run'),
          runId: TEXT,
          finishedAt: TEXT,
          instanceIds: list(TEXT),
          placement: PLACEMENT,
          checks: list(CHECK),
          evidence: list(TEXT),
        }),
      ),
    },
    ['copiedFrom', 'layers', 'steps'],
  ),
);

/** Version 2 did not know where an image was made, and version 3 not what determined it. */
function current(value: Record<string, unknown>): Record<string, unknown> {
  const version = value['recordVersion'];
  if (version !== 2 && version !== 3) return value;
  const asNow = { ...value, recordVersion: RECORD_VERSION, inputs: null };
  if (version === 3) return asNow;
  const { smoke } = value;
  const isTested = typeof smoke === 'object' && smoke !== null;
  return { ...asNow, placement: null, smoke: isTested ? { ...smoke, placement: null } : smoke };
}

/** @returns why the content is no record of this version, or the record. */
export function parseRecord(text: string, imageId: string): ImageRecord | string {
  const parsed = parseObject(text);
  if (typeof parsed === 'string') return parsed;
  const value = current(parsed);
  if (value['recordVersion'] !== RECORD_VERSION)
    return `its recordVersion is ${String(value['recordVersion'])}, not ${RECORD_VERSION}`;
  if (value['imageId'] !== imageId) return `it is about ${String(value['imageId'])}`;
  return problemOf(value) ?? (value as unknown as ImageRecord);
}
