import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { DockerApi } from './docker-api.ts';

export const DOCKER_SOCKET = '/run/docker.sock';

export type ContainerEvent = { readonly action: 'start' | 'die'; readonly id: string };

/** What Docker knows of one container. */
export type ContainerFacts = {
  readonly id: string;
  readonly name: string;
  readonly isRunning: boolean;
  /** `32262/tcp` to the port on the host, for those that are published. */
  readonly ports: Readonly<Record<string, number>>;
};

export type Subscription = {
  /** Ends when Docker closes the stream, or on error. */
  readonly ended: Promise<void>;
  close(): void;
};

/** Own requests over the socket: what is needed is three calls and a stream of events that says when it ended. */
export type DockerClient = {
  /**
   * Resolves once Docker has answered. Docker replays all that it still has in its buffer (256 events), then goes
   * on.
   */
  subscribe(onEvent: (event: ContainerEvent) => void): Promise<Subscription>;
  /**
   * All containers that there are, also those that have ended. Docker answers at once, also while fifty containers
   * start.
   */
  list(): Promise<readonly ContainerFacts[]>;
  /** Null when there is no such container (any more). */
  look(id: string): Promise<ContainerFacts | null>;
  /** Names of the running containers that ECS started. */
  runningTasks(): Promise<readonly string[]>;
  /** @throws Error when Docker does not answer within the limit */
  ping(limitMs: number): Promise<void>;
};

const ANSWER_LIMIT_MS = 10_000;

function open(socketPath: string, path: string, timeoutMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, headers: { Host: 'docker' } }, (incoming) => {
      clearTimeout(tooLate);
      if (incoming.statusCode === 200) return resolve(incoming);
      incoming.resume();
      reject(new Refusal(path, incoming.statusCode ?? 0));
    });
    const tooLate = setTimeout(
      () => outgoing.destroy(new Error(`Docker did not answer ${path.split('?')[0]} in ${timeoutMs} ms`)),
      timeoutMs,
    );
    outgoing.on('close', () => clearTimeout(tooLate));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Docker was there and said no. Every other error of this client means that it was away. */
export class Refusal extends Error {
  readonly status: number;
  constructor(path: string, status: number) {
    super(`Docker answered ${path} with HTTP ${status}`);
    this.status = status;
  }
}

/** The whole answer within the limit, or an error. */
async function read(socketPath: string, path: string, limitMs = ANSWER_LIMIT_MS): Promise<string> {
  const until = performance.now() + limitMs;
  const incoming = await open(socketPath, path, limitMs);
  const tooLate = setTimeout(
    () => incoming.destroy(new Error('Docker did not finish its answer')),
    until - performance.now(),
  );
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    clearTimeout(tooLate);
  }
}

/** Docker's list says `/name`. */
function bareName(name: string): string {
  return name.replace(/^\//, '');
}

type RawEvent = { readonly Action?: string; readonly Actor?: { readonly ID?: string } };

type RawSummary = {
  readonly Id: string;
  readonly Names?: readonly string[];
  readonly State: string;
  readonly Ports?: readonly { readonly PrivatePort: number; readonly PublicPort?: number; readonly Type: string }[];
};

function factsOf({ Id, Names = [], State, Ports }: RawSummary): ContainerFacts {
  return {
    id: Id,
    // Links (`--link`) are names as well, with two slashes.
    name: bareName(Names.find((name) => name.lastIndexOf('/') === 0) ?? ''),
    isRunning: State === 'running' || State === 'paused',
    ports: Object.fromEntries(
      (Ports ?? []).flatMap(({ PrivatePort, PublicPort, Type }) =>
        PublicPort === undefined ? [] : [[`${PrivatePort}/${Type}`, PublicPort] as const],
      ),
    ),
  };
}

/**
 * Null for what is no event of ours, and for a line that was cut where the stream broke: the next subscription gets it
 * again, whole.
 */
function parseEvent(line: string): ContainerEvent | null {
  let raw: RawEvent;
  try {
    raw = JSON.parse(line) as RawEvent;
  } catch {
    return null;
  }
  const { Action: action, Actor: actor } = raw;
  return (action === 'start' || action === 'die') && actor?.ID !== undefined ? { action, id: actor.ID } : null;
}

function query(filters: object): string {
  return encodeURIComponent(JSON.stringify(filters));
}

export function createDockerClient(socketPath: string = DOCKER_SOCKET): DockerClient {
  const api = new DockerApi(
    () => read(socketPath, '/version'),
    (error) => error instanceof Refusal && error.status === 400,
  );
  const list = async (parameters: string): Promise<readonly ContainerFacts[]> => {
    const answer = await api.speak((version) => read(socketPath, `/${version}/containers/json?${parameters}`));
    return (JSON.parse(answer) as readonly RawSummary[]).map(factsOf);
  };
  return {
    list: () => list('all=1'),
    look: async (id) => (await list(`all=1&filters=${query({ id: [id] })}`)).find((facts) => facts.id === id) ?? null,
    runningTasks: async () =>
      (await list(`filters=${query({ label: ['com.amazonaws.ecs.task-arn'] })}`)).map(({ name }) => name),
    ping: async (limitMs) => {
      await read(socketPath, '/_ping', limitMs);
    },
    subscribe: async (onEvent) => {
      const filters = query({ type: ['container'], event: ['start', 'die'] });
      // After each loss of the stream: it may be another Docker that answers.
      api.forget();
      const incoming = await api.speak((version) =>
        open(socketPath, `/${version}/events?since=1&filters=${filters}`, ANSWER_LIMIT_MS),
      );
      const lines = createInterface({ input: incoming });
      lines.on('line', (line) => {
        const event = parseEvent(line);
        if (event) onEvent(event);
      });
      const ended = new Promise<void>((resolve) => {
        incoming.on('close', resolve);
        incoming.on('error', () => resolve());
        // readline passes its input's error on as its own, and one that nobody hears would end the process.
        lines.on('error', () => resolve());
      });
      return { ended, close: () => incoming.destroy() };
    },
  };
}
