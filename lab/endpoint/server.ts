import type { IncomingMessage, RequestListener } from 'node:http';
import { reasonOf } from '../reason.ts';
import type { Answer } from './aws-answer.ts';
import { errorAnswer, jsonAnswer } from './aws-answer.ts';
import type { RawRequest } from './aws-request.ts';
import type { CallLog } from './call-log.ts';
import { answerConditions, type Conditions } from './conditions.ts';
import type { Faults } from './faults.ts';
import { parseFault } from './faults.ts';

/** The largest body that a call may have; user data is 16 KiB, the largest real call a policy document. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

export type LabApi = {
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly conditions: Conditions;
  readonly status: () => Promise<unknown>;
  /** A further owner, or null: the lab stays up until `down`. */
  readonly onOwner: (pid: number | null) => Promise<void>;
  /** The lab stays up while this instance is there; false when it is not. */
  readonly onInstanceOwner: (instanceId: string) => Promise<boolean>;
  /** An owner is done with the lab. */
  readonly onLeave: (pid: number) => Promise<boolean>;
  /** PEM of what signs identity documents here, in place of AWS's certificates. */
  readonly identityCertificate: string;
  /** Puts a spot interruption notice into a machine's metadata, or takes it out (null). */
  readonly interrupt: (instanceId: string, at: Date | null) => boolean;
};

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** The lab's own paths: never AWS's, and only for this machine. */
async function answerLab(api: LabApi, request: RawRequest): Promise<Answer> {
  const { pathname } = new URL(request.path, 'http://lab');
  switch (`${request.method} ${pathname}`) {
    case 'GET /_lab/status':
      return jsonAnswer(200, await api.status());
    case 'GET /_lab/calls':
      return jsonAnswer(200, api.calls.recent());
    case 'GET /_lab/faults':
      return jsonAnswer(200, api.faults.list());
    case 'POST /_lab/faults':
      try {
        api.faults.add(parseFault(JSON.parse(request.body.toString('utf8'))));
        return jsonAnswer(200, api.faults.list());
      } catch (error) {
        return jsonAnswer(400, { error: reasonOf(error) });
      }
    case 'GET /_lab/identity-certificate':
      return jsonAnswer(200, { certificate: api.identityCertificate });
    case 'POST /_lab/interruptions': {
      const { instanceId, at } = JSON.parse(request.body.toString('utf8')) as {
        instanceId: string;
        at: string | null;
      };
      return api.interrupt(instanceId, at === null ? null : new Date(at))
        ? jsonAnswer(200, {})
        : jsonAnswer(404, { error: `no machine ${instanceId} runs` });
    }
    case 'POST /_lab/owners': {
      const asked = JSON.parse(request.body.toString('utf8')) as { pid: number | null } | { instanceId: string };
      if ('instanceId' in asked)
        return (await api.onInstanceOwner(asked.instanceId))
          ? jsonAnswer(200, {})
          : jsonAnswer(404, { error: `there is no instance ${asked.instanceId}` });
      await api.onOwner(asked.pid);
      return jsonAnswer(200, {});
    }
    case 'DELETE /_lab/owners': {
      const { pid } = JSON.parse(request.body.toString('utf8')) as { pid: number };
      return jsonAnswer(200, { isGoingDown: await api.onLeave(pid) });
    }
    case 'DELETE /_lab/faults':
      api.faults.clear();
      return jsonAnswer(200, []);
    // Asked every second by whoever depends on this lab.
    case 'GET /_lab/health':
      return jsonAnswer(200, {});
    default:
      return (
        (await answerConditions(api.conditions, request)) ??
        jsonAnswer(404, { error: `no such path: ${request.method} ${pathname}` })
      );
  }
}

/**
 * The HTTP side of the endpoint, for any listener.
 *
 * @param from names the caller of a connection: `loopback`, or a machine's address
 */
export function createEndpointListener(
  answerAws: (request: RawRequest, from: string) => Promise<Answer>,
  api: LabApi,
  from: (request: IncomingMessage) => string,
): RequestListener {
  const answer = async (incoming: IncomingMessage): Promise<Answer> => {
    const body = await readBody(incoming);
    if (body === null) return errorAnswer('other', 413, 'RequestEntityTooLarge', 'The request is too large.');
    const request: RawRequest = {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      body,
    };
    const caller = from(incoming);
    if (request.path.startsWith('/_lab/')) {
      return caller === 'loopback' ? answerLab(api, request) : jsonAnswer(403, { error: 'only from this machine' });
    }
    return answerAws(request, caller);
  };

  return (incoming, outgoing) => {
    answer(incoming).then(
      ({ status, headers, body }) => {
        outgoing.writeHead(status, { ...headers, 'content-length': body.length });
        outgoing.end(body);
      },
      () => outgoing.destroy(),
    );
  };
}
