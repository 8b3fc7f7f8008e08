import { join } from 'node:path';
import { execa } from 'execa';

export type Doors = readonly { readonly address: string; readonly port: number; readonly socket: string }[];

export type Gateway = { readonly pid: number; stop(): Promise<void>; readonly ended: Promise<void> };

/** Starts lab/net/gateway.ts inside the namespace and waits until it listens. */
export async function startGateway(namespace: string, doors: Doors): Promise<Gateway> {
  const child = execa(
    'nsenter',
    [
      `--net=/run/netns/${namespace}`,
      process.execPath,
      join(import.meta.dirname, 'gateway.ts'),
      ...doors.map((door) => `${door.address}:${door.port}=${door.socket}`),
    ],
    { reject: false, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', buffer: { stdout: false, stderr: true } },
  );
  const ended = child.then(() => {});
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
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
