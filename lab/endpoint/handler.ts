import type { MotoClient } from '../moto/client.ts';
import { stackOf } from '../reason.ts';
import type { Answer } from './aws-answer.ts';
import { errorAnswer, errorCodeOf } from './aws-answer.ts';
import type { AwsRequest, RawRequest } from './aws-request.ts';
import { parseAwsRequest } from './aws-request.ts';
import type { CallLog } from './call-log.ts';
import { redact } from './call-log.ts';
import type { Capacity } from './capacity.ts';
import { consoleOutputAnswer } from './console-output.ts';
import type { Effect } from './facts.ts';
import type { Faults } from './faults.ts';
import type { Reconciler } from './reconciler.ts';
import { replaceAddresses } from './replace-addresses.ts';
import type { Staleness } from './staleness.ts';
import { endedAnswer, hasEnded } from './temporary-keys.ts';
import { isUnsupported } from './unsupported.ts';

/** A service that answers for itself, with moto behind it when it wants. Null passes the call on. */
export type ServiceHandler = (call: AwsRequest, request: RawRequest, moto: MotoClient) => Promise<Answer | null>;

export type HandlerParts = {
  readonly moto: MotoClient;
  readonly reconciler: Reconciler;
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly staleness: Staleness;
  readonly capacity: Capacity;
  readonly services: ReadonlyMap<string, ServiceHandler>;
  readonly consoleOutput: (instanceId: string) => Promise<string>;
  readonly log: (line: string) => void;
};

const EFFECTS = 'x-lab-effects';
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', EFFECTS, 'server', 'date']);

/** moto answers an action that it does not know with an HTML page and status 500 or 501. */
function fromMoto(call: AwsRequest, status: number, headers: NodeJS.Dict<string | string[]>, body: Buffer): Answer {
  const type = String(headers['content-type'] ?? '');
  if (status >= 500 && type.startsWith('text/html')) {
    const page = body.toString('utf8');
    const unknown = /has not been implemented|NotImplementedError|OperationNotFoundError/.test(page);
    const detail = /<title>([^<]*)<\/title>/.exec(page)?.[1]?.trim() ?? 'no detail';
    return unknown
      ? errorAnswer(
          call.protocol,
          400,
          'UnsupportedOperation',
          `${call.action} is known neither to moto nor to the lab.`,
        )
      : errorAnswer(call.protocol, 500, 'InternalError', `moto failed at ${call.action}: ${detail}`);
  }
  const kept = Object.entries(headers).filter(([name, value]) => !HOP.has(name) && value !== undefined);
  return { status, headers: Object.fromEntries(kept) as Answer['headers'], body };
}

/** What AWS's own description of the service says against the call; null where it fits. */
async function invalidAnswer(call: AwsRequest, request: RawRequest, moto: MotoClient): Promise<Answer | null> {
  if (call.protocol === 'other') return null;
  const { service, action, members } = call;
  const sent = request.body.length > 0 ? request.body.toString('utf8') : (request.path.split('?')[1] ?? '');
  const body = members === undefined ? sent : JSON.stringify(members);
  const { code, message } = await moto.control<{ code?: string; message?: string }>('refusal', {
    service,
    action,
    body,
  });
  return code === undefined ? null : errorAnswer(call.protocol, 400, code, message ?? '');
}

/** Answers one AWS call: fault, refusal, a service of the lab's own, or moto with its effects made true. */
export function createAwsHandler(parts: HandlerParts) {
  const { moto, reconciler, calls, faults, staleness, capacity, services, consoleOutput, log } = parts;

  const decide = async (call: AwsRequest, request: RawRequest): Promise<Answer> => {
    if (call.service === 'unknown') {
      // moto would take it for a call to S3.
      return errorAnswer(
        call.protocol,
        403,
        'MissingAuthenticationToken',
        'The request is not signed and names no service.',
      );
    }
    if (hasEnded(call.accessKeyId, new Date())) return endedAnswer(call);
    if (isUnsupported(call.service, call.action)) {
      return errorAnswer(
        call.protocol,
        400,
        'UnsupportedOperation',
        `The lab does not support ${call.action}; see lab/README.md.`,
      );
    }
    const invalid = await invalidAnswer(call, request, moto);
    if (invalid) return invalid;
    if (call.service === 'ec2' && call.parameters['DryRun']?.toLowerCase() === 'true') {
      return errorAnswer('ec2', 412, 'DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
    }
    const unknown = staleness.refusal(call);
    if (unknown) return unknown;
    const zoneOf = async (subnetId: string): Promise<string> =>
      (await moto.control<{ zone: string }>('zone-of-subnet', { region: call.region, subnetId })).zone;
    const full = await capacity.refusal(call, zoneOf);
    if (full) return full;
    const own = await services.get(call.service)?.(call, request, moto);
    if (own) return own;
    const headers = { ...request.headers, 'x-lab-action': call.action };
    const answer = await moto.send(request.method, request.path, headers, request.body);
    const noted = answer.headers[EFFECTS];
    const plain = fromMoto(call, answer.status, answer.headers, answer.body);
    if (call.service === 'ec2' && call.action === 'GetConsoleOutput' && answer.status === 200) {
      const instanceId = call.parameters['InstanceId'] ?? '';
      return consoleOutputAnswer(instanceId, await consoleOutput(instanceId), new Date());
    }
    if (noted === undefined) return staleness.age(call, plain);
    const replacements = await reconciler.carryOut(JSON.parse(String(noted)) as Effect[]);
    return staleness.age(call, { ...plain, body: replaceAddresses(plain.body, replacements) });
  };

  return async (request: RawRequest, from: string): Promise<Answer> => {
    const begun = performance.now();
    const call = parseAwsRequest(request);
    const fault = call.action === '' ? null : faults.take(call.action);
    let answer: Answer;
    try {
      answer = fault
        ? errorAnswer(call.protocol, fault.httpStatus, fault.code, fault.message)
        : await decide(call, request);
    } catch (error) {
      log(`${call.service}:${call.action} failed: ${stackOf(error)}`);
      answer = errorAnswer(call.protocol, 500, 'InternalError', 'The lab failed; see its daemon.log.');
    }
    const errorCode = errorCodeOf(answer);
    calls.record({
      at: new Date().toISOString(),
      service: call.service,
      region: call.region,
      action: call.action === '' ? `${request.method} ${request.path.split('?')[0]}` : call.action,
      parameters: redact(call.parameters),
      status: answer.status,
      ...(errorCode === undefined ? {} : { errorCode }),
      durationMs: Math.round(performance.now() - begun),
      from,
      ...(fault ? { injected: true as const } : {}),
    });
    return answer;
  };
}
