import type { IncomingMessage } from 'node:http';

/** A request that cannot be served: the status to answer and one reason. */
export class BadRequest extends Error {
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.name = 'BadRequest';
    this.status = status;
  }
}

const LARGEST_BYTES = 64 * 1024;

/** The JSON object in a request's body. @throws BadRequest 413 when it is too large, 400 when it is none */
export const readJsonObject = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > LARGEST_BYTES) throw new BadRequest(413, `a body of more than ${LARGEST_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadRequest(400, 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequest(400, 'the body is not a JSON object');
  return value as Record<string, unknown>;
};

export const requireText = (body: Record<string, unknown>, key: string): string => {
  const value = body[key];
  if (typeof value !== 'string' || value === '') throw new BadRequest(400, `${key} is missing`);
  return value;
};
