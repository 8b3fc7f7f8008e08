import { Agent, request } from 'node:http';

export type MotoAnswer = {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
};

/** A control verb that moto's side refused, with the code it gave (for example InvalidInstanceID.NotFound). */
export class MotoControlError extends Error {
  readonly code: string;
  constructor(verb: string, code: string, message: string) {
    super(`moto refused ${verb}: ${code}: ${message}`);
    this.name = 'MotoControlError';
    this.code = code;
  }
}

export type MotoClient = {
  /** Passes one HTTP request through, bytes untouched. */
  send(method: string, path: string, headers: NodeJS.Dict<string | string[]>, body: Buffer): Promise<MotoAnswer>;
  /** Calls one verb of lab/moto/control.py. */
  control<T>(verb: string, args?: Readonly<Record<string, unknown>>): Promise<T>;
  close(): void;
};

/** Headers that belong to one hop. */
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'expect', 'upgrade', 'te']);

/** A client of moto's unix socket. */
export function createMotoClient(socketPath: string): MotoClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });

  const once = (
    method: string,
    path: string,
    headers: NodeJS.Dict<string | string[]>,
    body: Buffer,
  ): Promise<MotoAnswer> =>
    new Promise((resolve, reject) => {
      const outgoing = request({
        socketPath,
        method,
        path,
        agent,
        headers: { ...headers, 'content-length': body.length },
      });
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      });
      outgoing.on('error', (error) => reject(Object.assign(error, { reusedSocket: outgoing.reusedSocket })));
      outgoing.end(body);
    });

  const send: MotoClient['send'] = async (method, path, headers, body) => {
    const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name.toLowerCase())));
    try {
      return await once(method, path, passed, body);
    } catch (error) {
      // The server closed an idle connection just as it was taken again: the request was never read.
      if ((error as { reusedSocket?: boolean }).reusedSocket !== true) throw error;
      return once(method, path, passed, body);
    }
  };

  return {
    send,
    async control<T>(verb: string, args: Readonly<Record<string, unknown>> = {}): Promise<T> {
      const answer = await send(
        'POST',
        `/_lab/${verb}`,
        { host: 'moto', 'content-type': 'application/json' },
        Buffer.from(JSON.stringify(args)),
      );
      const value = JSON.parse(answer.body.toString('utf8')) as T & { code?: string; message?: string };
      if (answer.status !== 200)
        throw new MotoControlError(verb, value.code ?? String(answer.status), value.message ?? '');
      return value;
    },
    close: () => agent.destroy(),
  };
}
