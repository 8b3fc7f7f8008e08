import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { type ImageRecord, RECORD_VERSION } from './image-record.ts';

const TEXT = { type: 'string' } as const;
function object(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((key) => !optional.includes(key)),
  };
}
function list(items: object): object {
  return { type: 'array', items };
}
function nullable(schema: object): object {
  return { anyOf: [{ type: 'null' }, schema] };
}

const CHECK = object(
  {
    id: TEXT,
    title: TEXT,
    expected: TEXT,
    actual: TEXT,
    verdict: { enum: ['correct', 'incorrect', 'missing', 'skipped'] },
    reason: TEXT,
    durationMs: { type: 'number' },
  },
  ['reason', 'durationMs'],
);

/** What `ImageRecord` says, for a file that anything may have happened to. Keys that it does not know are left alone. */
const SCHEMA = object({
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
  versions: { type: 'object', additionalProperties: TEXT },
  substitutions: list(object({ component: TEXT, source: TEXT, reason: TEXT })),
  timings: list(
    object({ name: TEXT, stage: TEXT, durationMs: { type: 'number' }, outcome: { enum: ['ok', 'failed', 'skipped'] } }),
  ),
  bakeChecks: list(CHECK),
  smoke: nullable(
    object({
      verdict: { enum: ['passed', 'failed', 'not-run'] },
      runId: TEXT,
      finishedAt: TEXT,
      instanceIds: list(TEXT),
      checks: list(CHECK),
      evidence: list(TEXT),
    }),
  ),
});

const validate = new Ajv2020({ allErrors: true, strict: false }).compile<ImageRecord>(SCHEMA);

const MOST_NAMED = 5;

/** `smoke.evidence is missing`. That none of two forms fits only repeats what is wrong with the second. */
function explain(errors: readonly ErrorObject[]): string {
  const reasons = errors
    .filter(({ keyword, schemaPath }) => keyword !== 'anyOf' && !schemaPath.includes('/anyOf/0/'))
    .map(({ keyword, instancePath, params }) => {
      const path = instancePath.split('/').slice(1);
      if (keyword === 'required') return `it lacks ${[...path, String(params['missingProperty'])].join('.')}`;
      return `its ${path.join('.')} is not of the right kind`;
    });
  const more = reasons.length - MOST_NAMED;
  return [...reasons.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** @returns why the content is no record of this version, or the record. */
export function parseRecord(text: string, imageId: string): ImageRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it holds no object';
  const record = value as Partial<ImageRecord>;
  if (record.recordVersion !== RECORD_VERSION)
    return `its recordVersion is ${String(record.recordVersion)}, not ${RECORD_VERSION}`;
  if (record.imageId !== imageId) return `it is about ${String(record.imageId)}`;
  return validate(value) ? value : explain(validate.errors ?? []);
}
