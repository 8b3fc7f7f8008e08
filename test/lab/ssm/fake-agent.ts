import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { FromAgent, ToAgent } from '../../../lab/ssm/agent-line.ts';

/** Plays the agent of a machine: it obeys orders, and what it connects to is the test's. */
export class FakeAgent {
  readonly orders: ToAgent[] = [];
  readonly #path: string;
  readonly #address: string;
  readonly #answer: (order: ToAgent) => string | ((stream: Socket) => void);
  #control: Socket | null = null;

  constructor(path: string, address: string, answer: (order: ToAgent) => string | ((stream: Socket) => void)) {
    this.#path = path;
    this.#address = address;
    this.#answer = answer;
  }

  /** As the gateway passes a connection on. */
  async #connect(line: FromAgent): Promise<Socket> {
    const socket = connect({ path: this.#path, allowHalfOpen: true });
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    socket.write(`PEER ${this.#address} 40000\n${JSON.stringify(line)}\n`);
    return socket;
  }

  async start(): Promise<void> {
    const platform = { name: 'Debian GNU/Linux', version: '12' };
    const control = await this.#connect({ kind: 'agent', hostname: 'ip-10-78-1-4', platform });
    this.#control = control;
    createInterface(control).on('line', (line) => void this.#obey(JSON.parse(line) as ToAgent));
  }

  stop(): void {
    this.#control?.destroy();
  }

  async #obey(order: ToAgent): Promise<void> {
    this.orders.push(order);
    if (order.kind === 'ping') this.#control?.write('{"kind":"pong"}\n');
    if (order.kind !== 'connect' && order.kind !== 'shell') return;
    const answer = this.#answer(order);
    const { id } = order;
    if (typeof answer === 'string') await this.#connect({ kind: 'stream', id, error: answer });
    else answer(await this.#connect({ kind: 'stream', id }));
  }
}
