import { createReadStream } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './log.ts';
import { CONTAINER, IMAGE } from './paths.ts';

const API = '/v1.25';
const PING = { times: 6, leastMs: 1000, mostMs: 3000 };
const PREFIX = 'unix://';

type Answer = { readonly status: number; readonly body: Buffer };
type Call = { readonly body?: unknown; readonly file?: string };

/** The socket that ecs-init itself asks; whatever else `DOCKER_HOST` says is passed over, as the real one does. */
export function dockerSocket(host = process.env['DOCKER_HOST'] ?? ''): string {
  return host.startsWith(PREFIX) ? host.slice(PREFIX.length) : '/var/run/docker.sock';
}

function collect(incoming: IncomingMessage): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', reject);
    incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
  });
}

/** What ecs-init asks of Docker, by its API over the unix socket. Every method rejects with what Docker said. */
export class DockerClient {
  readonly #socketPath: string;

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Asks for an answer a few times: Docker may be starting. @throws the last reason */
  static async connect(socketPath = dockerSocket()): Promise<DockerClient> {
    const client = new DockerClient(socketPath);
    for (let times = 1; ; times += 1) {
      try {
        await client.#call('GET', '/_ping');
        return client;
      } catch (error) {
        if (times === PING.times) throw error;
        const pauseMs = Math.min(PING.leastMs * 2 ** (times - 1), PING.mostMs);
        log(`Error connecting to docker, backing off for ${pauseMs}ms, error: ${String(error)}`);
        await sleep(pauseMs);
      }
    }
  }

  async #call(method: string, path: string, { body, file }: Call = {}): Promise<Buffer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const headers = {
        Host: 'docker',
        ...(json === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': json.length }),
        ...(file === undefined ? {} : { 'Content-Type': 'application/x-tar' }),
      };
      const outgoing = request({ socketPath: this.#socketPath, method, path: `${API}${path}`, headers }, (incoming) =>
        collect(incoming).then(resolve, reject),
      );
      outgoing.on('error', reject);
      if (file === undefined) outgoing.end(json);
      else
        createReadStream(file)
          .on('error', (error) => outgoing.destroy(error))
          .pipe(outgoing);
    });
    if (answer.status < 300 || answer.status === 304) return answer.body;
    throw new Error(`Docker: ${method} ${path}: HTTP ${answer.status}: ${answer.body.toString('utf8').trim()}`);
  }

  async #json<T>(path: string): Promise<T> {
    return JSON.parse((await this.#call('GET', path)).toString('utf8')) as T;
  }

  async hasAgentImage(): Promise<boolean> {
    const images = await this.#json<readonly { RepoTags: readonly string[] | null }[]>('/images/json?all=1');
    return images.some(({ RepoTags }) => RepoTags?.includes(IMAGE) ?? false);
  }

  /** Docker answers 200 before it has read the image: what went wrong is the last line of its answer. */
  async load(tarball: string): Promise<void> {
    const said = (await this.#call('POST', '/images/load?quiet=1', { file: tarball })).toString('utf8');
    if (said.includes('"error"')) throw new Error(`Docker could not load ${tarball}: ${said.trim()}`);
  }

  async findAgent(): Promise<string | null> {
    const containers = await this.#json<readonly { Id: string; Names: readonly string[] }[]>('/containers/json?all=1');
    return containers.find(({ Names }) => Names.includes(`/${CONTAINER}`))?.Id ?? null;
  }

  async remove(id: string): Promise<void> {
    await this.#call('DELETE', `/containers/${id}?force=1`);
  }

  /** Makes the agent's container of a configuration, and starts it. */
  async start(container: unknown): Promise<string> {
    const made = await this.#call('POST', `/containers/create?name=${CONTAINER}`, { body: container });
    const { Id } = JSON.parse(made.toString('utf8')) as { Id: string };
    await this.#call('POST', `/containers/${Id}/start`);
    return Id;
  }

  /** Resolves with the container's exit code when it has ended. */
  async wait(id: string): Promise<number> {
    const said = (await this.#call('POST', `/containers/${id}/wait`)).toString('utf8');
    return (JSON.parse(said) as { StatusCode: number }).StatusCode;
  }

  async stop(id: string): Promise<void> {
    await this.#call('POST', `/containers/${id}/stop?t=10`);
  }

  /** The newest lines that a container wrote, as text: each comes in a frame of 8 bytes and its content. */
  async tail(id: string, lines: number): Promise<string> {
    let rest = await this.#call('GET', `/containers/${id}/logs?stdout=1&stderr=1&timestamps=1&tail=${lines}`);
    const texts: string[] = [];
    while (rest.length >= 8) {
      const end = 8 + rest.readUInt32BE(4);
      texts.push(rest.toString('utf8', 8, end));
      rest = rest.subarray(end);
    }
    return texts.join('');
  }

  /** The interface of Docker's own bridge; null when there is none (`--bridge=none`). */
  async bridge(): Promise<string | null> {
    const filters = encodeURIComponent('{"driver":{"bridge":true}}');
    const networks = await this.#json<readonly { Options: Record<string, string> | null }[]>(
      `/networks?filters=${filters}`,
    );
    const own = networks.find(({ Options }) => Options?.['com.docker.network.bridge.default_bridge'] === 'true');
    return own?.Options?.['com.docker.network.bridge.name'] ?? null;
  }
}
