import { join } from 'node:path';
import { execa } from 'execa';
import { SERVICE_ADDRESS, SERVICE_NAME } from './plan.ts';

/** What is forwarded: from an address and port inside the namespace to a unix socket of the daemon. */
export type Forward = { readonly address: string; readonly port: number; readonly socket: string };

export type Gateway = { readonly pid: number; stop(): Promise<void>; readonly ended: Promise<void> };

/**
 * Starts lab/net/gateway.ts inside the namespace and waits until it listens.
 *
 * @param names of the service address beside its own; `*` is any one label
 */
export async function startGateway(
  namespace: string,
  forwards: readonly Forward[],
  names: readonly string[] = [],
): Promise<Gateway> {
  const child = execa(
    'nsenter',
    [
      `--net=/run/netns/${namespace}`,
      process.execPath,
      join(import.meta.dirname, 'gateway.ts'),
      `${[SERVICE_NAME, ...names].join(',')}@${SERVICE_ADDRESS}:53`,
      ...forwards.map(({ address, port, socket }) => `${address}:${port}=${socket}`),
    ],
    { reject: false, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', buffer: { stdout: false, stderr: true } },
  );
  const ended = child.then(() => {});
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    // Never rejects (`reject: false`): however it ends before its first word, it did not start.
    void child.then((result) => reject(new Error(`the lab's gateway did not start: ${result.stderr}`)));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
