import { request } from 'node:http';

/** Docker answered, and it was a no. */
export class DockerError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const QUICK_MS = 5000;
const NO_LIMIT = 0;

export type ContainerFacts = {
  readonly State: { readonly Status: string; readonly Running: boolean; readonly ExitCode: number };
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>> | null;
  };
};

/** `name` as a tag, where it is neither a tag nor a digest: without one Docker would pull every tag. */
function reference(image: string): string {
  return image.includes('@') || /:[^/]+$/.test(image) ? image : `${image}:latest`;
}

/** Docker's API over its unix socket, in the version that the daemon has. */
export class Docker {
  readonly #socketPath: string;

  /** @param host `DOCKER_HOST` as systemd has it, here for a unix socket only */
  constructor(host = 'unix:///run/docker.sock') {
    this.#socketPath = host.replace(/^unix:\/\//, '');
  }

  /** @throws DockerError; Error when the daemon is not there, or silent for too long */
  async ask<T = unknown>(method: string, path: string, body?: unknown, timeoutMs: number = QUICK_MS): Promise<T> {
    const { status, text } = await this.#send(method, path, body, timeoutMs);
    if (status < 400) return (text === '' ? undefined : JSON.parse(text)) as T;
    throw new DockerError(status, messageIn(text) ?? `HTTP ${status}`);
  }

  /** @throws DockerError also for what Docker finds wrong only while it pulls */
  async pull(image: string): Promise<void> {
    const { status, text } = await this.#send(
      'POST',
      `/images/create?${new URLSearchParams({ fromImage: reference(image) })}`,
      undefined,
      NO_LIMIT,
    );
    if (status >= 400) throw new DockerError(status, messageIn(text) ?? `HTTP ${status}`);
    const failed = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as { error?: string })
      .find(({ error }) => error !== undefined);
    if (failed) throw new DockerError(500, failed.error ?? '');
  }

  async isThere(image: string): Promise<boolean> {
    try {
      await this.ask('GET', `/images/${image}/json`);
      return true;
    } catch (error) {
      if (error instanceof DockerError) return false;
      throw error;
    }
  }

  async create(name: string, body: unknown): Promise<string> {
    const path = `/containers/create?${new URLSearchParams({ name })}`;
    return (await this.ask<{ Id: string }>('POST', path, body, 60_000)).Id;
  }

  async start(id: string): Promise<void> {
    await this.ask('POST', `/containers/${id}/start`, undefined, 120_000);
  }

  /** Resolves when it is down: it is asked, and after the time-out killed. */
  async stop(id: string, timeoutS: number): Promise<void> {
    await this.ask('POST', `/containers/${id}/stop?t=${timeoutS}`, undefined, (timeoutS + 60) * 1000);
  }

  /** The exit code, when it has ended. */
  async wait(id: string): Promise<number> {
    return (await this.ask<{ StatusCode: number }>('POST', `/containers/${id}/wait`, undefined, NO_LIMIT)).StatusCode;
  }

  inspect(id: string): Promise<ContainerFacts> {
    return this.ask('GET', `/containers/${id}/json`);
  }

  async remove(id: string): Promise<void> {
    await this.ask('DELETE', `/containers/${id}?v=1`, undefined, 60_000);
  }

  #send(method: string, path: string, body: unknown, timeout: number): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const sent = body === undefined ? '' : JSON.stringify(body);
      const headers = { Host: 'docker', 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(sent) };
      const outgoing = request({ socketPath: this.#socketPath, method, path, headers, timeout }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 500, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('Docker does not answer')));
      outgoing.on('error', reject);
      outgoing.end(sent);
    });
  }
}

function messageIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { message?: string }).message;
  } catch {
    return undefined;
  }
}
