import type { IncomingMessage } from 'node:http';
import { asMessage, type MessageName } from '#contracts/validate.ts';
import type { Refusal } from '#contracts/webserver.ts';

/** A request that cannot be served: the status to answer, a code of the protocol and one reason. */
export class Refused extends Error {
  readonly status: number;
  readonly code: Refusal['code'];
  /** The host that was refused, where it has shown that it is that one. */
  readonly instanceId: string | null;
  /** What whoever runs the webserver hears, where it is more than the host should. */
  readonly told: string;
  /** When asking again is worth it. */
  readonly retryAfterS: number | null;
  constructor(
    status: number,
    code: Refusal['code'],
    reason: string,
    more: { readonly instanceId?: string; readonly retryAfterS?: number; readonly told?: string } = {},
  ) {
    super(reason);
    this.name = 'Refused';
    this.status = status;
    this.code = code;
    this.instanceId = more.instanceId ?? null;
    this.told = more.told ?? reason;
    this.retryAfterS = more.retryAfterS ?? null;
  }
}

const LARGEST_BYTES = 64 * 1024;

/** The message in a request's body. @throws Refused 413 when it is too large, 400 when it is none of the protocol */
export async function readMessage<T>(request: IncomingMessage, name: MessageName): Promise<T> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > LARGEST_BYTES) throw new Refused(413, 'TOO_LARGE', `a body of more than ${LARGEST_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Refused(400, 'MALFORMED', 'the body is not JSON');
  }
  const parsed = asMessage<T>(name, value);
  if ('problem' in parsed) throw new Refused(400, 'MALFORMED', parsed.problem.slice(0, 200));
  return parsed.message;
}
