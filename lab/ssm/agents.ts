import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { peerOf } from '../net/peer-socket.ts';
import { reasonOf } from '../reason.ts';
import { type FromAgent, LineReader, type Platform, type ToAgent } from './agent-line.ts';

const PING_MS = 5000;
/** An agent that has not answered for so long is not connected: its machine was cut off. */
const SILENT_MS = 15_000;
const OPEN_MS = 20_000;

/** What Session Manager has to know of a machine. */
export type ManagedInstance = { readonly instanceId: string; readonly region: string; readonly hasRole: boolean };

export type AgentsParts = {
  /** By the address that a connection comes from; null when no machine has it. */
  readonly instanceAt: (address: string) => ManagedInstance | null;
  readonly log: (line: string) => void;
  readonly onGone: (instanceId: string) => void;
};

export type Agent = {
  readonly instanceId: string;
  readonly region: string;
  readonly address: string;
  readonly hostname: string;
  readonly platform: Platform;
  readonly lastPing: Date;
  readonly isConnected: boolean;
};

type Connected = Omit<Agent, 'lastPing' | 'isConnected'> & { control: Socket | null; lastPing: Date };
type Waiting = {
  readonly address: string;
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: Error) => void;
};

/**
 * The stand-in agents of the machines, as they report: which of them are there, and connections that they make from
 * inside. Nothing here reaches into a machine: without its agent there is no way in.
 */
export class Agents {
  readonly #parts: AgentsParts;
  readonly #agents = new Map<string, Connected>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #open = new Set<Socket>();

  constructor(parts: AgentsParts) {
    this.#parts = parts;
  }

  list(region: string): readonly Agent[] {
    return [...this.#agents.values()]
      .filter((agent) => agent.region === region)
      .map(({ control, ...agent }) => ({ ...agent, isConnected: control !== null }));
  }

  isConnected(instanceId: string, region: string): boolean {
    const agent = this.#agents.get(instanceId);
    return agent !== undefined && agent.region === region && agent.control !== null;
  }

  /** A connection from the agent to a port of its machine. @throws Error with the agent's reason */
  connect(instanceId: string, port: number): Promise<Socket> {
    return this.#stream(instanceId, (id) => ({ kind: 'connect', id, port }));
  }

  /** A shell on a terminal, and the way to give the terminal another size. */
  async shell(
    instanceId: string,
  ): Promise<{ readonly socket: Socket; readonly resize: (columns: number, rows: number) => void }> {
    let name = '';
    const socket = await this.#stream(instanceId, (id) => {
      name = id;
      return { kind: 'shell', id };
    });
    const resize = (columns: number, rows: number): void =>
      this.#tell(instanceId, { kind: 'resize', id: name, columns, rows });
    return { socket, resize };
  }

  /** The instance is gone, and with it all that was known of its agent. */
  forget(instanceId: string): void {
    this.#agents.get(instanceId)?.control?.destroy();
    this.#agents.delete(instanceId);
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Takes a connection that a machine made. */
  readonly accept = (socket: Socket): void => {
    const address = peerOf(socket) ?? '';
    const instance = this.#parts.instanceAt(address);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    socket.on('error', () => socket.destroy());
    // As AWS does not let in an instance whose role does not say that it may.
    if (instance === null || !instance.hasRole) {
      socket.destroy();
      return;
    }
    this.#takeFirstLine(socket, (line) => {
      if (line.kind === 'stream') this.#takeStream(socket, address, line);
      else if (line.kind === 'agent') this.#takeAgent(socket, instance, address, line);
      else socket.destroy();
    });
  };

  /** The rest of what came with it stays in the socket: it may be the session's first bytes. */
  #takeFirstLine(socket: Socket, then: (line: FromAgent) => void): void {
    let seen = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk]);
      const end = seen.indexOf(0x0a);
      if (end < 0) return;
      socket.off('data', onData);
      socket.pause();
      try {
        const line = JSON.parse(seen.toString('utf8', 0, end)) as FromAgent;
        if (end + 1 < seen.length) socket.unshift(seen.subarray(end + 1));
        then(line);
      } catch (error) {
        this.#parts.log(`ssm: an agent says what is not understood: ${reasonOf(error)}`);
        socket.destroy();
      }
    };
    socket.on('data', onData);
    socket.resume();
  }

  #takeAgent(
    control: Socket,
    { instanceId, region }: ManagedInstance,
    address: string,
    { hostname, platform }: Extract<FromAgent, { kind: 'agent' }>,
  ): void {
    this.#agents.get(instanceId)?.control?.destroy();
    const agent: Connected = {
      instanceId,
      region,
      address,
      hostname,
      platform,
      control,
      lastPing: new Date(),
    };
    this.#agents.set(instanceId, agent);
    this.#parts.log(`ssm: the agent of ${instanceId} is connected`);
    const lines = new LineReader();
    control.on('data', (bytes: Buffer) => {
      try {
        if (lines.push(bytes).length > 0) agent.lastPing = new Date();
      } catch {
        control.destroy();
      }
    });
    control.resume();
    const beat = setInterval(() => {
      if (Date.now() - agent.lastPing.getTime() > SILENT_MS) control.destroy();
      else this.#tell(instanceId, { kind: 'ping' });
    }, PING_MS);
    control.once('end', () => control.destroy());
    control.once('close', () => {
      clearInterval(beat);
      if (agent.control === control) agent.control = null;
      if (this.#agents.get(instanceId) === agent) this.#parts.onGone(instanceId);
      this.#parts.log(`ssm: the agent of ${instanceId} is gone`);
    });
  }

  #takeStream(socket: Socket, address: string, { id, error }: Extract<FromAgent, { kind: 'stream' }>): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.address !== address) {
      socket.destroy();
      return;
    }
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(socket);
    else {
      socket.destroy();
      waiting.reject(new Error(error));
    }
  }

  #stream(instanceId: string, order: (id: string) => ToAgent): Promise<Socket> {
    const address = this.#agents.get(instanceId)?.address ?? '';
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const limit = setTimeout(() => reject(new Error('the agent does not answer')), OPEN_MS);
    this.#waiting.set(id, { address, resolve, reject });
    this.#tell(instanceId, order(id));
    return promise.finally(() => {
      clearTimeout(limit);
      this.#waiting.delete(id);
    });
  }

  #tell(instanceId: string, line: ToAgent): void {
    this.#agents.get(instanceId)?.control?.write(`${JSON.stringify(line)}\n`);
  }
}
