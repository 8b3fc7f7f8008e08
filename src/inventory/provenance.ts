import { besidePath } from '../image/beside.ts';
import { list, object, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { textIfThere } from './inventory-store.ts';
import { type Envelope, PAYLOAD_TYPE } from './signature.ts';
import type { Resource, Statement } from './statement.ts';

export type Provenance = { readonly envelope: Envelope; readonly statement: Statement };

const envelopeProblem = shapeCheck(
  object({
    payloadType: { const: PAYLOAD_TYPE },
    payload: TEXT,
    signatures: list(object({ keyid: TEXT, sig: TEXT })),
  }),
);

const RESOURCE = object({ name: TEXT, digest: { type: 'object', additionalProperties: TEXT } }, ['digest']);

const statementProblem = shapeCheck(
  object({
    _type: { const: 'https://in-toto.io/Statement/v1' },
    predicateType: { const: 'https://slsa.dev/provenance/v1' },
    subject: list(RESOURCE),
    predicate: object({
      buildDefinition: object({
        externalParameters: object({ profile: TEXT, region: TEXT, commit: TEXT }),
        resolvedDependencies: list(RESOURCE),
      }),
      runDetails: object({
        metadata: object({ invocationId: TEXT, finishedOn: TEXT }),
        byproducts: list(RESOURCE),
      }),
    }),
  }),
);

/** What a text says, or why it is no provenance. */
export function parseProvenance(text: string): Provenance | string {
  const envelope = parseObject(text);
  if (typeof envelope === 'string') return envelope;
  const problem = envelopeProblem(envelope);
  if (problem !== null) return problem;
  const checked = envelope as unknown as Envelope;
  const statement = parseObject(Buffer.from(checked.payload, 'base64').toString('utf8'));
  if (typeof statement === 'string') return `of its payload: ${statement}`;
  const wrong = statementProblem(statement);
  return wrong === null
    ? { envelope: checked, statement: statement as unknown as Statement }
    : `of its payload: ${wrong}`;
}

/** @returns null when there is none, or why the file cannot be used */
export async function readProvenance(imageId: string): Promise<Provenance | string | null> {
  const text = await textIfThere(besidePath(imageId, 'provenance'));
  return text === null ? null : parseProvenance(text);
}

/** The sha256 by which a statement names a file that was written with it; null when it names none. */
export function byproductDigest({ predicate }: Statement, name: string): string | null {
  const found: Resource | undefined = predicate.runDetails.byproducts.find((each) => each.name === name);
  return found?.digest?.['sha256'] ?? null;
}
