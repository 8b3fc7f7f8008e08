import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { decodeMessage, encodeMessage, type Message, PAYLOAD } from '../../../lab/ssm/message.ts';

const CLIENT_VERSION = '1.3.0.0';

/** Plays session-manager-plugin over a websocket: opens the channel, shakes hands, acknowledges. */
export class FakePlugin {
  readonly received: Message[] = [];
  readonly #sequence: { next: number };
  readonly #socket: WebSocket;
  #expected: number;
  closeCode: number | null = null;
  acknowledges = true;

  private constructor(socket: WebSocket, before: FakePlugin | null) {
    this.#socket = socket;
    this.#sequence = before === null ? { next: 0 } : before.#sequence;
    this.#expected = before === null ? 0 : before.#expected;
    socket.on('message', (data) => this.#take(decodeMessage(data as Buffer)));
    socket.on('close', (code) => {
      this.closeCode = code;
    });
  }

  /** @param before the connection that broke, when this is one that resumes */
  static async open(streamUrl: string, token: string, before: FakePlugin | null = null): Promise<FakePlugin> {
    const socket = new WebSocket(streamUrl);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    const opened = new FakePlugin(socket, before);
    socket.send(
      JSON.stringify({
        MessageSchemaVersion: '1.0',
        RequestId: randomUUID(),
        TokenValue: token,
        ClientId: randomUUID(),
        ClientVersion: CLIENT_VERSION,
      }),
    );
    return opened;
  }

  send(payloadType: number, payload: string | Buffer): void {
    const common = { type: 'input_stream_data', createdAt: Date.now(), flags: 0, id: randomUUID() };
    const bytes = encodeMessage({
      ...common,
      sequence: this.#sequence.next,
      payloadType,
      payload: Buffer.from(payload),
    });
    this.#sequence.next += 1;
    this.#socket.send(bytes);
  }

  /** Breaks the connection, as a network does. */
  drop(): void {
    this.#socket.terminate();
  }

  text(): string {
    return Buffer.concat(this.payloads(PAYLOAD.output)).toString();
  }

  payloads(type: number): Buffer[] {
    return this.received.filter(({ payloadType }) => payloadType === type).map(({ payload }) => payload);
  }

  closedBecause(): string | null {
    const closed = this.received.find(({ type }) => type === 'channel_closed');
    return closed === undefined ? null : JSON.parse(closed.payload.toString())['Output'];
  }

  #take(message: Message): void {
    if (message.type === 'channel_closed') this.received.push(message);
    if (message.type !== 'output_stream_data' || !this.acknowledges) return;
    const content = {
      AcknowledgedMessageType: message.type,
      AcknowledgedMessageId: message.id,
      AcknowledgedMessageSequenceNumber: message.sequence,
      IsSequentialMessage: true,
    };
    const common = {
      type: 'acknowledge',
      createdAt: Date.now(),
      sequence: 0,
      flags: 3,
      id: randomUUID(),
      payloadType: 0,
    };
    this.#socket.send(encodeMessage({ ...common, payload: Buffer.from(JSON.stringify(content)) }));
    if (message.sequence !== this.#expected) return;
    this.#expected += 1;
    this.received.push(message);
    if (message.payloadType === PAYLOAD.handshakeRequest) this.#shakeHands();
  }

  #shakeHands(): void {
    const actions = [{ ActionType: 'SessionType', ActionStatus: 1, ActionResult: null, Error: '' }];
    const response = { ClientVersion: CLIENT_VERSION, ProcessedClientActions: actions, Errors: null };
    this.send(PAYLOAD.handshakeResponse, JSON.stringify(response));
  }
}
