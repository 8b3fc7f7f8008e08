import { type Answer, errorAnswer } from '../endpoint/aws-answer.ts';
import type { MotoClient } from '../moto/client.ts';
import { TARGET_PREFIX } from './wire.ts';

export type Body = Readonly<Record<string, unknown>>;

/** Asks moto as the owner of the account. @throws Refused with moto's own answer, where that is an error */
export type Ask = (action: string, body: Body) => Promise<Body>;

/** One call of an API client. */
export type Call = { readonly region: string; readonly body: Body; readonly ask: Ask };

/** Ends a call with this answer. */
export class Refused extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(answer.body.toString('utf8'));
    this.answer = answer;
  }
}

export function refused(code: string, message: string): Refused {
  return new Refused(errorAnswer('json', 400, code, message));
}

/** What ECS would do and the lab cannot: to do less in silence would prove what is not so. */
export function unsupported(what: string): Refused {
  return refused('UnsupportedOperation', `The lab's ECS does not do ${what}; see lab/ecs/README.md.`);
}

export function json(value: Body): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: Buffer.from(JSON.stringify(value)),
  };
}

export function parse(body: Buffer): Body {
  const value: unknown = JSON.parse(body.length === 0 ? '{}' : body.toString('utf8'));
  return typeof value === 'object' && value !== null ? (value as Body) : {};
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function list<T = Body>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [];
}

/** The last part of an ARN, or the name or id that somebody gave in its place. */
export function idOf(nameOrArn: string): string {
  return nameOrArn.split('/').at(-1) ?? nameOrArn;
}

export function asksMoto(moto: MotoClient, region: string): Ask {
  return async (action, body) => {
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${TARGET_PREFIX}.${action}`,
      'x-lab-action': action,
      authorization: `AWS4-HMAC-SHA256 Credential=lab/20260101/${region}/ecs/aws4_request, SignedHeaders=host, Signature=none`,
      host: `ecs.${region}.amazonaws.com`,
    };
    const answer = await moto.send('POST', '/', headers, Buffer.from(JSON.stringify(body)));
    const isJson = String(answer.headers['content-type'] ?? '').includes('json');
    if (!isJson) throw refused('ServerException', `moto failed at ${action}: HTTP ${answer.status}`);
    if (answer.status >= 200 && answer.status < 300) return parse(answer.body);
    throw new Refused({
      status: answer.status,
      headers: { 'content-type': 'application/x-amz-json-1.1' },
      body: answer.body,
    });
  };
}
