import type { Socket } from 'node:net';
import { reasonOf } from '../reason.ts';
import type { Agents } from './agents.ts';
import type { SessionKind } from './documents.ts';
import { FLAG, PAYLOAD } from './message.ts';
import { encodeFrame, type Frame, FrameReader, MUX } from './mux.ts';

/** What is carried once the handshake is done. */
export type Conversation = {
  /** A payload from the client. */
  take(type: number, payload: Buffer): void;
  /** The client has caught up. */
  onRoom(): void;
  close(): void;
};

export type ConversationParts = {
  readonly agents: Agents;
  readonly instanceId: string;
  /** @returns false when the client is far behind */
  readonly send: (type: number, payload: Buffer) => boolean;
  readonly end: (output: string) => void;
};

/**
 * What a machine may leave untaken before its connection ends. A client cannot be told to wait: its acknowledgements
 * come the same way as its data. It sends no more than a megabyte a second.
 */
const MOST_UNTAKEN = 64 * 1024 * 1024;

/** Joins a connection inside a machine to the session. */
class Pipe {
  readonly #socket: Socket;

  constructor(
    socket: Socket,
    { onData, onEnd }: { readonly onData: (bytes: Buffer) => boolean; readonly onEnd: () => void },
  ) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      if (!onData(bytes)) socket.pause();
    });
    socket.once('end', () => socket.end());
    socket.once('close', onEnd);
    socket.resume();
  }

  write(bytes: Buffer): void {
    if (this.#socket.writableEnded) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MOST_UNTAKEN) this.#socket.destroy();
  }

  onRoom(): void {
    this.#socket.resume();
  }

  /** What was written still goes out. */
  end(): void {
    this.#socket.destroySoon();
  }
}

function flagOf(payload: Buffer): number {
  return payload.length === 4 ? payload.readUInt32BE(0) : 0;
}

function flag(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value, 0);
  return payload;
}

function singlePipe(socket: Socket, parts: ConversationParts): Pipe {
  return new Pipe(socket, {
    onData: (bytes) => parts.send(PAYLOAD.output, bytes),
    onEnd: () => parts.end(''),
  });
}

async function startSsh(port: number, parts: ConversationParts): Promise<Conversation> {
  const pipe = singlePipe(await parts.agents.connect(parts.instanceId, port), parts);
  return {
    take: (type, payload) => {
      if (type === PAYLOAD.output) pipe.write(payload);
      else if (type === PAYLOAD.flag && flagOf(payload) === FLAG.terminateSession) parts.end('');
    },
    onRoom: () => pipe.onRoom(),
    close: () => pipe.end(),
  };
}

async function startShell(parts: ConversationParts): Promise<Conversation> {
  const { socket, resize } = await parts.agents.shell(parts.instanceId);
  const pipe = singlePipe(socket, parts);
  return {
    take: (type, payload) => {
      if (type === PAYLOAD.output) pipe.write(payload);
      else if (type === PAYLOAD.size) {
        const { cols, rows } = JSON.parse(payload.toString('utf8')) as { cols: number; rows: number };
        resize(cols, rows);
      } else if (type === PAYLOAD.flag && flagOf(payload) === FLAG.terminateSession) parts.end('');
    },
    onRoom: () => pipe.onRoom(),
    close: () => pipe.end(),
  };
}

/** One of the connections of a forwarded port, from when the client opened it. */
class Forwarded {
  readonly #early: Buffer[] = [];
  #pipe: Pipe | null = null;
  #isOver = false;

  begin(pipe: Pipe): void {
    this.#pipe = pipe;
    for (const bytes of this.#early) pipe.write(bytes);
    if (this.#isOver) pipe.end();
  }

  write(bytes: Buffer): void {
    if (this.#pipe === null) this.#early.push(bytes);
    else this.#pipe.write(bytes);
  }

  onRoom(): void {
    this.#pipe?.onRoom();
  }

  end(): void {
    this.#isOver = true;
    this.#pipe?.end();
  }
}

class ForwardedPort implements Conversation {
  readonly #port: number;
  readonly #parts: ConversationParts;
  readonly #frames = new FrameReader();
  readonly #streams = new Map<number, Forwarded>();

  constructor(port: number, parts: ConversationParts) {
    this.#port = port;
    this.#parts = parts;
  }

  take(type: number, payload: Buffer): void {
    if (type === PAYLOAD.output) for (const frame of this.#frames.push(payload)) this.#takeFrame(frame);
    else if (type === PAYLOAD.flag && flagOf(payload) === FLAG.terminateSession) this.#parts.end('');
  }

  onRoom(): void {
    for (const stream of this.#streams.values()) stream.onRoom();
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.end();
  }

  #takeFrame({ command, stream, data }: Frame): void {
    if (command === MUX.open) void this.#open(stream);
    else if (command === MUX.data) this.#streams.get(stream)?.write(data);
    else if (command === MUX.end) this.#streams.get(stream)?.end();
  }

  async #open(stream: number): Promise<void> {
    const { agents, instanceId, send } = this.#parts;
    const forwarded = new Forwarded();
    this.#streams.set(stream, forwarded);
    const onEnd = (): void => {
      if (this.#streams.delete(stream)) this.#frame(MUX.end, stream);
    };
    try {
      const socket = await agents.connect(instanceId, this.#port);
      const onData = (data: Buffer): boolean => this.#data(stream, data);
      forwarded.begin(new Pipe(socket, { onData, onEnd }));
    } catch {
      // The plugin says so to its user, and closes the connection.
      send(PAYLOAD.flag, flag(FLAG.connectToPortError));
      onEnd();
    }
  }

  /** A frame's length has two bytes. */
  #data(stream: number, data: Buffer): boolean {
    let hasRoom = true;
    for (let at = 0; at < data.length; at += 0x8000)
      hasRoom = this.#frame(MUX.data, stream, data.subarray(at, at + 0x8000));
    return hasRoom;
  }

  #frame(command: number, stream: number, data: Buffer = Buffer.alloc(0)): boolean {
    return this.#parts.send(PAYLOAD.output, encodeFrame({ command, stream, data }));
  }
}

/** @throws Error when what it needs in the machine is not there */
export async function startConversation(kind: SessionKind, parts: ConversationParts): Promise<Conversation> {
  try {
    if (kind.kind === 'shell') return await startShell(parts);
    if (kind.kind === 'ssh') return await startSsh(kind.port, parts);
    return new ForwardedPort(kind.port, parts);
  } catch (error) {
    throw new Error(`Unable to connect to specified port: ${reasonOf(error)}`);
  }
}
