import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AwsClients } from '../aws/clients.ts';
import { consoleOf } from '../aws/console.ts';
import type { Ssh } from '../host-access/ssh.ts';

/** What is read over ssh, where ssh still works: file name and command. None of them prints a secret. */
const REMOTE: readonly (readonly [name: string, command: string])[] = [
  ['journal.txt', 'sudo journalctl -b -o short-monotonic --no-pager'],
  [
    'units.txt',
    'systemctl --no-pager status docker.service docker.socket ecs.service ecs-host.service cloud-init.service; systemctl --no-pager --failed',
  ],
  ['host-state.json', 'cat /run/ecs-host/state.json'],
  ['cloud-init-output.txt', 'sudo cat /var/log/cloud-init-output.log'],
  [
    'containers.txt',
    'sudo timeout 20 docker ps -a; for c in $(sudo timeout 20 docker ps -aq); do echo "== $c"; sudo timeout 20 docker logs --tail 500 "$c" 2>&1; done',
  ],
];

/**
 * Keeps what explains a failed verdict: console log from the API (also of an instance that ssh never reached) and
 * journal. Whatever cannot be had is left out; this never fails.
 *
 * @returns the files, absolute
 */
export async function keepEvidence(
  clients: AwsClients,
  instances: readonly { readonly instanceId: string; readonly ssh: Ssh | null }[],
  folder: string,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const keep = async (name: string, text: () => Promise<string>): Promise<string[]> => {
    const path = join(folder, name);
    try {
      await writeFile(path, await text());
      return [path];
    } catch {
      return [];
    }
  };
  const files = await Promise.all(
    instances.flatMap(({ instanceId, ssh }) => [
      keep(`${instanceId}-console.txt`, () => consoleOf(clients, instanceId)),
      ...(ssh === null
        ? []
        : REMOTE.map(([name, command]) =>
            keep(`${instanceId}-${name}`, async () => (await ssh.run(command, { timeoutMs: 60_000 })).stdout),
          )),
    ]),
  );
  return files.flat();
}
