import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Answer, errorAnswer } from '../endpoint/aws-answer.ts';
import type { AwsRequest, RawRequest } from '../endpoint/aws-request.ts';
import type { ServiceHandler } from '../endpoint/handler.ts';
import { Agents, type ManagedInstance } from './agents.ts';
import { DataSockets, streamUrl } from './data-sockets.ts';
import { sessionKind } from './documents.ts';
import { describeInstances } from './instance-information.ts';
import { Session } from './session.ts';

type Body = Readonly<Record<string, unknown>>;

function json(value: unknown): Answer {
  const headers = { 'content-type': 'application/x-amz-json-1.1' };
  return { status: 200, headers, body: Buffer.from(JSON.stringify(value)) };
}

function refuse(code: string, message: string): Answer {
  return errorAnswer('json', 400, code, message);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function parameters(value: unknown): Record<string, string[]> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, given]) => [name, Array.isArray(given) ? given.map(String) : [String(given)]]),
  );
}

export type SessionManagerParts = {
  readonly instanceAt: (address: string) => ManagedInstance | null;
  readonly log: (line: string) => void;
};

/**
 * Session Manager: its calls in front of moto's, the message gateway that session-manager-plugin talks to, and the
 * agents of the machines.
 */
export class SessionManager {
  readonly #log: (line: string) => void;
  readonly #agents: Agents;
  readonly #sockets = new DataSockets((id) => this.#sessions.get(id) ?? null);
  readonly #sessions = new Map<string, Session>();

  constructor({ instanceAt, log }: SessionManagerParts) {
    this.#log = log;
    this.#agents = new Agents({ instanceAt, log, onGone: (instanceId) => this.#endSessions(instanceId) });
  }

  readonly service: ServiceHandler = async (call, request) => this.#answer(call, request);

  /** A connection that the agent of a machine made. */
  readonly onAgent = (socket: Socket): void => this.#agents.accept(socket);

  /** Takes the plugin's websocket; false when the path is no data channel. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.#sockets.upgrade(request, socket, head);
  }

  /** The machine is off or gone: whatever its agent was last heard to say. */
  forgetInstance(instanceId: string): void {
    this.#agents.forget(instanceId);
    this.#endSessions(instanceId);
  }

  close(): void {
    for (const session of this.#sessions.values()) session.end('the lab goes down');
    this.#sockets.close();
    this.#agents.close();
  }

  #endSessions(instanceId: string): void {
    for (const session of this.#sessions.values())
      if (session.target === instanceId) session.end('the agent is not connected any more');
  }

  #answer({ action, region }: AwsRequest, { headers, body: bytes }: RawRequest): Answer | null {
    const read = (): Body => JSON.parse(bytes.length === 0 ? '{}' : bytes.toString('utf8')) as Body;
    const host = text(headers['host']);
    switch (action) {
      case 'StartSession':
        return this.#start(region, host, read());
      case 'ResumeSession':
        return this.#resume(region, host, read());
      case 'TerminateSession':
        return this.#terminate(region, read());
      case 'GetConnectionStatus': {
        const target = text(read()['Target']);
        const isConnected = this.#agents.isConnected(target, region);
        return json({ Target: target, Status: isConnected ? 'connected' : 'notconnected' });
      }
      case 'DescribeInstanceInformation': {
        const found = describeInstances(this.#agents.list(region), read());
        return 'code' in found ? refuse(found.code, found.message) : json(found);
      }
      default:
        return null;
    }
  }

  #start(region: string, host: string, body: Body): Answer {
    const target = text(body['Target']);
    const document = body['DocumentName'] === undefined ? undefined : text(body['DocumentName']);
    const kind = sessionKind(document, parameters(body['Parameters']));
    if ('code' in kind) return refuse(kind.code, kind.message);
    if (!this.#agents.isConnected(target, region)) return refuse('TargetNotConnected', `${target} is not connected.`);
    const id = `lab-${randomBytes(9).toString('hex').slice(0, 17)}`;
    const onOver = (): void => void this.#sessions.delete(id);
    const session = new Session({ id, target, region, kind, agents: this.#agents, log: this.#log, onOver });
    this.#sessions.set(id, session);
    this.#log(`ssm: session ${id} (${kind.kind}) to ${target}`);
    return json({ SessionId: id, TokenValue: session.newToken(), StreamUrl: streamUrl(host, id) });
  }

  #find(region: string, body: Body): Session | null {
    const session = this.#sessions.get(text(body['SessionId']));
    return session?.region === region ? session : null;
  }

  #resume(region: string, host: string, body: Body): Answer {
    const session = this.#find(region, body);
    // Without a token the plugin says that the session timed out, and ends.
    if (session === null) return json({ SessionId: text(body['SessionId']) });
    return json({ SessionId: session.id, TokenValue: session.newToken(), StreamUrl: streamUrl(host, session.id) });
  }

  #terminate(region: string, body: Body): Answer {
    const id = text(body['SessionId']);
    // One that is over is terminated without a word, as on AWS.
    this.#find(region, body)?.end('');
    return json({ SessionId: id });
  }
}
