import { randomBytes } from 'node:crypto';
import { reasonOf } from '../reason.ts';
import { AGENT_VERSION } from './agent-line.ts';
import type { Agents } from './agents.ts';
import { type Conversation, startConversation } from './conversations.ts';
import { DataChannel } from './data-channel.ts';
import { type SessionKind, sessionType } from './documents.ts';
import { PAYLOAD } from './message.ts';

const HANDSHAKE_MS = 15_000;
/** As long as AWS leaves a session that nobody uses, unless the account says otherwise. */
const UNUSED_MS = 20 * 60_000;

/** What carries messages to the client for a while. */
export type Carrier = {
  send(bytes: Buffer): void;
  close(): void;
};

type State = 'handshake' | 'open' | 'over';

export type SessionParts = {
  readonly id: string;
  readonly target: string;
  readonly region: string;
  readonly kind: SessionKind;
  readonly agents: Agents;
  readonly log: (line: string) => void;
  readonly onOver: () => void;
};

/** One session: the agent's side of it, from the handshake to the end, over as many connections as the client makes. */
export class Session {
  readonly id: string;
  readonly target: string;
  readonly region: string;
  readonly #parts: SessionParts;
  readonly #channel: DataChannel;
  readonly #startedAt = performance.now();
  readonly #early: (readonly [type: number, payload: Buffer])[] = [];
  #state: State = 'handshake';
  #token: string | null = null;
  #carrier: Carrier | null = null;
  #conversation: Conversation | null = null;
  #limit: NodeJS.Timeout;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.target = parts.target;
    this.region = parts.region;
    this.#channel = new DataChannel({
      onPayload: (type, payload) => this.#take(type, payload),
      onRoom: () => this.#conversation?.onRoom(),
      log: (line) => parts.log(`ssm: session ${parts.id}: ${line}`),
    });
    this.#limit = this.#endAfter(UNUSED_MS, 'nobody came for it');
    const request = {
      AgentVersion: AGENT_VERSION,
      RequestedClientActions: [{ ActionType: 'SessionType', ActionParameters: sessionType(parts.kind) }],
    };
    this.#channel.send(PAYLOAD.handshakeRequest, Buffer.from(JSON.stringify(request)));
  }

  /** Another one for every connection; it is good once. */
  newToken(): string {
    this.#token = randomBytes(96).toString('base64');
    return this.#token;
  }

  /** A client is connected. @returns false when its token is not the one that it was given */
  open(token: string, carrier: Carrier): boolean {
    if (this.#state === 'over' || this.#token === null || token !== this.#token) return false;
    this.#token = null;
    this.#carrier?.close();
    this.#carrier = carrier;
    clearTimeout(this.#limit);
    if (this.#state === 'handshake') this.#limit = this.#endAfter(HANDSHAKE_MS, 'Handshake timed out.');
    this.#channel.attach((bytes) => carrier.send(bytes));
    return true;
  }

  receive(carrier: Carrier, bytes: Buffer): void {
    if (carrier === this.#carrier) this.#channel.receive(bytes);
  }

  /** The connection broke; the client may come again. */
  lost(carrier: Carrier): void {
    if (carrier !== this.#carrier) return;
    this.#carrier = null;
    this.#channel.detach();
    clearTimeout(this.#limit);
    this.#limit = this.#endAfter(UNUSED_MS, 'its client did not come back');
  }

  end(output: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#limit);
    this.#conversation?.close();
    this.#channel.sayClosed(this.id, this.target, output);
    this.#channel.close();
    this.#carrier?.close();
    this.#carrier = null;
    this.#parts.log(`ssm: session ${this.id} is over${output === '' ? '' : `: ${output}`}`);
    this.#parts.onOver();
  }

  #endAfter(ms: number, why: string): NodeJS.Timeout {
    return setTimeout(() => this.end(why), ms).unref();
  }

  #take(type: number, payload: Buffer): void {
    try {
      if (type === PAYLOAD.handshakeResponse) void this.#takeHandshake(payload);
      else if (this.#conversation !== null) this.#conversation.take(type, payload);
      else if (this.#state === 'open') this.#early.push([type, payload]);
      // As the agent does: before the handshake is done, data is acknowledged and dropped.
    } catch (error) {
      this.end(reasonOf(error));
    }
  }

  async #takeHandshake(payload: Buffer): Promise<void> {
    const { ProcessedClientActions: actions = [] } = JSON.parse(payload.toString('utf8')) as {
      ProcessedClientActions?: readonly { ActionType: string; ActionStatus: number; Error: string }[];
    };
    const failed = actions.find(({ ActionStatus }) => ActionStatus !== 1);
    if (failed !== undefined) {
      this.end(`${failed.ActionType} failed on client with status ${failed.ActionStatus} error: ${failed.Error}`);
      return;
    }
    clearTimeout(this.#limit);
    this.#state = 'open';
    const tookNs = Math.round((performance.now() - this.#startedAt) * 1e6);
    const complete = { HandshakeTimeToComplete: tookNs, CustomerMessage: '' };
    this.#channel.send(PAYLOAD.handshakeComplete, Buffer.from(JSON.stringify(complete)));
    await this.#converse();
  }

  async #converse(): Promise<void> {
    const { agents, target, kind } = this.#parts;
    try {
      const conversation = await startConversation(kind, {
        agents,
        instanceId: target,
        send: (type, payload) => this.#state !== 'open' || this.#channel.send(type, payload),
        end: (output) => this.#endWhenSent(output),
      });
      if (this.#isOver()) {
        conversation.close();
        return;
      }
      this.#conversation = conversation;
      for (const [type, payload] of this.#early.splice(0)) conversation.take(type, payload);
    } catch (error) {
      this.end(reasonOf(error));
    }
  }

  /** Asked of it after a wait, in which it may have ended. */
  #isOver(): boolean {
    return this.#state === 'over';
  }

  /** What the machine said last still reaches the client. */
  #endWhenSent(output: string): void {
    this.#channel.whenAcknowledged(() => this.end(output));
  }
}
