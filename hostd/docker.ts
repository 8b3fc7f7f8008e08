import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';

export const DOCKER_SOCKET = '/run/docker.sock';
/** Docker 20.10, the oldest that the profiles install, speaks 1.41. */
const API = '/v1.41';

export type ContainerStart = { readonly id: string; readonly name: string; readonly startedAtNs: string };
export type ContainerDeath = { readonly id: string; readonly name: string };

export type Subscription = {
  /** Ends when Docker closes the stream, or on error. */
  readonly ended: Promise<void>;
  close(): void;
};

export type DockerClient = {
  /** Resolves once Docker has answered: from then on nothing after `sinceS` is missed. */
  subscribe(
    sinceS: number,
    on: { start(event: ContainerStart): void; die(event: ContainerDeath): void },
  ): Promise<Subscription>;
  running(): Promise<readonly ContainerStart[]>;
};

const open = (socketPath: string, path: string, timeoutMs: number): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: `${API}${path}`, headers: { Host: 'docker' } }, (incoming) => {
      outgoing.setTimeout(0);
      if (incoming.statusCode === 200) return resolve(incoming);
      incoming.resume();
      reject(new Error(`Docker answered ${path} with HTTP ${incoming.statusCode ?? 0}`));
    });
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`Docker did not answer ${path} in ${timeoutMs} ms`)),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });

const json = async (socketPath: string, path: string): Promise<unknown> => {
  const incoming = await open(socketPath, path, 30_000);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
};

/** Docker's list says `/name`, its events say `name`. */
const bareName = (name: string): string => name.replace(/^\//, '');

type RawEvent = {
  readonly Type?: string;
  readonly Action?: string;
  readonly timeNano?: number;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Record<string, string> };
};

export const createDockerClient = (socketPath: string = DOCKER_SOCKET): DockerClient => ({
  subscribe: async (sinceS, on) => {
    const filters = encodeURIComponent(JSON.stringify({ type: ['container'], event: ['start', 'die'] }));
    // Docker sends its header a moment before it subscribes; `since` makes it replay what fell in between.
    const incoming = await open(socketPath, `/events?since=${sinceS}&filters=${filters}`, 30_000);
    const lines = createInterface({ input: incoming });
    lines.on('line', (line) => {
      if (line.trim() === '') return;
      const event = JSON.parse(line) as RawEvent;
      const id = event.Actor?.ID;
      if (id === undefined) return;
      const name = bareName(event.Actor?.Attributes?.['name'] ?? '');
      if (event.Action === 'start') on.start({ id, name, startedAtNs: String(event.timeNano ?? 0) });
      else if (event.Action === 'die') on.die({ id, name });
    });
    const ended = new Promise<void>((resolve) => {
      incoming.on('close', resolve);
      incoming.on('error', () => resolve());
    });
    return { ended, close: () => incoming.destroy() };
  },
  running: async () => {
    const list = (await json(socketPath, '/containers/json')) as { Id: string; Names: string[]; Created: number }[];
    return list.map((each) => ({
      id: each.Id,
      name: bareName(each.Names[0] ?? ''),
      startedAtNs: `${each.Created}000000000`,
    }));
  },
});
