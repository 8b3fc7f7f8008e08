import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

type Spec = { readonly Image: string; readonly HostConfig: Record<string, unknown> } & Record<string, unknown>;

export type FakeContainer = {
  readonly id: string;
  readonly name: string;
  readonly spec: Spec;
  status: 'created' | 'running' | 'exited';
  exitCode: number;
  readonly waiting: ((code: number) => void)[];
};

type Answer = readonly [status: number, value?: unknown];

/** As much of Docker's API as an agent uses; fails on everything else. Containers end when they are told to. */
export class FakeDocker {
  readonly server: Server;
  readonly containers: FakeContainer[] = [];
  readonly images = new Set<string>();
  readonly pulled: string[] = [];
  readonly asked: string[] = [];
  /** Images that no registry has. */
  readonly absent = new Set<string>();
  /** What creating a container is answered with, when it is to fail. */
  refusal: string | null = null;

  constructor() {
    this.server = createServer((request, response) => void this.#serve(request, response));
  }

  /** The newest one of this image. */
  ofImage(image: string): FakeContainer | undefined {
    return this.containers.findLast(({ spec }) => spec.Image === image);
  }

  exit(container: FakeContainer, code: number): void {
    container.status = 'exited';
    container.exitCode = code;
    for (const tell of container.waiting.splice(0)) tell(code);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length === 0 ? null : JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const url = new URL(request.url ?? '/', 'http://docker');
    this.asked.push(`${request.method} ${url.pathname}`);
    const [status, value] = await this.#answer(request.method ?? '', url, body);
    response.writeHead(status).end(value === undefined ? '' : JSON.stringify(value));
  }

  async #answer(method: string, { pathname, searchParams }: URL, body: Spec): Promise<Answer> {
    const path = `${method} ${pathname}`;
    if (path === 'GET /version') return [200, { Version: '20.10.24' }];
    if (path === 'GET /info') return [200, { NCPU: 2, MemTotal: 4_294_967_296 }];
    if (path === 'POST /images/create') return this.#pull(searchParams.get('fromImage') ?? '');
    if (path === 'POST /containers/create') return this.#create(searchParams.get('name') ?? '', body);
    const image = /^\/images\/(.+?)(\/json)?$/.exec(pathname)?.[1];
    if (image !== undefined) {
      const isThere = method === 'DELETE' ? this.images.delete(image) : this.images.has(image);
      return isThere ? [200, []] : [404, { message: 'no such image' }];
    }
    const [, id, verb] = /^\/containers\/([0-9a-f]+)(?:\/(\w+))?$/.exec(pathname) ?? [];
    const container = this.containers.find((each) => each.id === id);
    return container
      ? this.#onContainer(container, `${method} ${verb ?? ''}`)
      : [404, { message: `no such container: ${path}` }];
  }

  #pull(image: string): Answer {
    if (this.absent.has(image)) return [404, { message: 'manifest unknown' }];
    this.pulled.push(image);
    this.images.add(image);
    return [200, { status: 'done' }];
  }

  #create(name: string, spec: Spec): Answer {
    if (this.refusal !== null) return [500, { message: this.refusal }];
    if (!this.images.has(spec.Image)) return [404, { message: `No such image: ${spec.Image}` }];
    const id = randomBytes(32).toString('hex');
    this.containers.push({ id, name, spec, status: 'created', exitCode: 0, waiting: [] });
    return [201, { Id: id }];
  }

  async #onContainer(one: FakeContainer, verb: string): Promise<Answer> {
    switch (verb) {
      case 'POST start':
        one.status = 'running';
        return [204];
      case 'POST stop':
        if (one.status === 'running') this.exit(one, 143);
        return [204];
      case 'POST wait': {
        const code = one.status === 'exited' ? one.exitCode : await new Promise((tell) => one.waiting.push(tell));
        return [200, { StatusCode: code }];
      }
      case 'GET json':
        return [200, facts(one)];
      case 'DELETE ':
        this.containers.splice(this.containers.indexOf(one), 1);
        return [204];
      default:
        return [501, { message: `not taught: ${verb}` }];
    }
  }
}

function facts({ spec, status, exitCode }: FakeContainer): object {
  const ports = Object.keys((spec['ExposedPorts'] ?? {}) as object);
  const bound = [{ HostIp: '0.0.0.0', HostPort: '32768' }];
  return {
    State: { Status: status, Running: status === 'running', ExitCode: exitCode },
    NetworkSettings: { Ports: Object.fromEntries(ports.map((port) => [port, bound])) },
  };
}
