import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';

export const DOCKER_SOCKET = '/run/docker.sock';
/** Docker 20.10, the oldest that the profiles install, speaks 1.41. */
const API = '/v1.41';

/** Nanoseconds since 1970 by Docker's clock. */
export type Nanoseconds = bigint;

export type ContainerEvent = {
  readonly action: 'start' | 'die';
  readonly id: string;
  readonly name: string;
  readonly atNs: Nanoseconds;
};

/** What Docker knows of one container. */
export type ContainerFacts = {
  readonly id: string;
  readonly name: string;
  readonly isRunning: boolean;
  /** When it was last started; null when never. */
  readonly startedAtNs: Nanoseconds | null;
  /** `32262/tcp` to the port on the host, for those that are published. */
  readonly ports: Readonly<Record<string, number>>;
};

export type Subscription = {
  /** Ends when Docker closes the stream, or on error. */
  readonly ended: Promise<void>;
  close(): void;
};

export type DockerClient = {
  /** Resolves once Docker has answered. Docker replays all that it still has in its buffer (256 events), then goes on. */
  subscribe(onEvent: (event: ContainerEvent) => void): Promise<Subscription>;
  /** All containers that there are, also those that have ended. */
  list(): Promise<readonly ContainerFacts[]>;
  /** Null when there is no such container (any more). Docker answers once it is done with the container. */
  inspect(id: string): Promise<ContainerFacts | null>;
  /** The same without StartedAt, and at once: while fifty containers start, `inspect` waits for seconds. */
  peek(id: string): Promise<Pick<ContainerFacts, 'isRunning' | 'ports'> | null>;
  /** Names of the running containers that ECS started. */
  runningTasks(): Promise<readonly string[]>;
};

const open = (socketPath: string, path: string, timeoutMs: number): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: `${API}${path}`, headers: { Host: 'docker' } }, (incoming) => {
      outgoing.setTimeout(0);
      if (incoming.statusCode === 200) return resolve(incoming);
      incoming.resume();
      reject(new Refusal(path, incoming.statusCode ?? 0));
    });
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`Docker did not answer ${path} in ${timeoutMs} ms`)),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });

/** Docker was there and said no. Every other error of this client means that it was away. */
export class Refusal extends Error {
  readonly status: number;
  constructor(path: string, status: number) {
    super(`Docker answered ${path} with HTTP ${status}`);
    this.status = status;
  }
}

const json = async (socketPath: string, path: string): Promise<unknown> => {
  const incoming = await open(socketPath, path, 30_000);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
};

/** Docker's list says `/name`, its events say `name`. */
const bareName = (name: string): string => name.replace(/^\//, '');

type RawEvent = {
  readonly Action?: string;
  readonly timeNano?: number;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
};

type RawSummary = {
  readonly State: string;
  readonly Ports?: readonly { readonly PrivatePort: number; readonly PublicPort?: number; readonly Type: string }[];
};

type RawContainer = {
  readonly Id: string;
  readonly Name: string;
  readonly State: { readonly Running: boolean; readonly StartedAt: string };
  readonly NetworkSettings?: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
  };
};

/** `2026-11-23T22:47:12.123456789Z` with all of its nine digits; null for Docker's "never", the year 1. */
export const parseTime = (text: string): Nanoseconds | null => {
  const [, seconds = '', fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}Z`);
  if (Number.isNaN(ms) || ms < 0) return null;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
};

const factsOf = (raw: RawContainer): ContainerFacts => ({
  id: raw.Id,
  name: bareName(raw.Name),
  isRunning: raw.State.Running,
  startedAtNs: parseTime(raw.State.StartedAt),
  ports: Object.fromEntries(
    Object.entries(raw.NetworkSettings?.Ports ?? {}).flatMap(([inside, bindings]) => {
      const port = Number(bindings?.[0]?.HostPort);
      return port > 0 ? [[inside, port] as const] : [];
    }),
  ),
});

/** Null for what is no event of ours, and for a line that was cut where the stream broke: the next subscription gets it again, whole. */
const parseEvent = (line: string): ContainerEvent | null => {
  let raw: RawEvent;
  try {
    raw = JSON.parse(line) as RawEvent;
  } catch {
    return null;
  }
  const { Action: action, Actor: actor } = raw;
  // The time is a number of 19 digits, which JSON.parse would round.
  const atNs = /"timeNano":(\d+)/.exec(line)?.[1];
  if ((action !== 'start' && action !== 'die') || actor?.ID === undefined || atNs === undefined) return null;
  return { action, id: actor.ID, name: bareName(actor.Attributes?.['name'] ?? ''), atNs: BigInt(atNs) };
};

const query = (filters: object): string => encodeURIComponent(JSON.stringify(filters));

export const createDockerClient = (socketPath: string = DOCKER_SOCKET): DockerClient => {
  const inspect = async (id: string): Promise<ContainerFacts | null> => {
    try {
      return factsOf((await json(socketPath, `/containers/${id}/json`)) as RawContainer);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return null;
      throw error;
    }
  };
  return {
    inspect,
    peek: async (id) => {
      const filters = query({ id: [id] });
      const [found] = (await json(socketPath, `/containers/json?all=1&filters=${filters}`)) as readonly RawSummary[];
      if (!found) return null;
      const published = (found.Ports ?? []).flatMap(({ PrivatePort, PublicPort, Type }) =>
        PublicPort === undefined ? [] : [[`${PrivatePort}/${Type}`, PublicPort] as const],
      );
      return { isRunning: found.State === 'running', ports: Object.fromEntries(published) };
    },
    subscribe: async (onEvent) => {
      // `since` is not a time that this host remembers: a clock that was set back would hide what happened. All of the buffer is asked for,
      // and what was handled is known by its own time.
      const filters = query({ type: ['container'], event: ['start', 'die'] });
      const incoming = await open(socketPath, `/events?since=1&filters=${filters}`, 30_000);
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
    list: async () => {
      const all = (await json(socketPath, '/containers/json?all=1')) as readonly { readonly Id: string }[];
      const facts = await Promise.all(all.map(({ Id }) => inspect(Id)));
      return facts.filter((each) => each !== null);
    },
    runningTasks: async () => {
      const filters = query({ label: ['com.amazonaws.ecs.task-arn'] });
      const list = (await json(socketPath, `/containers/json?filters=${filters}`)) as readonly {
        readonly Names: readonly string[];
      }[];
      return list.map(({ Names }) => bareName(Names[0] ?? ''));
    },
  };
};
