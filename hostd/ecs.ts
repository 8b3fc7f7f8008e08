import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { printable } from '#contracts/printable.ts';
import { parseJson } from './json.ts';

const run = promisify(execFile);
const INTROSPECTION = 'http://127.0.0.1:51678/v1/metadata';
const ECS_CONFIG = '/etc/ecs/ecs.config';

/** What the agent registered this host as. */
export type ContainerInstance = { readonly cluster: string; readonly arn: string };

/** Whose host this is, by its identity document. */
export type EcsAccount = { readonly region: string; readonly accountId: string };

export type Ecs = {
  /**
   * @throws Error when the agent does not answer, is not registered (yet), or names somebody else's container
   * instance
   */
  instance(account: EcsAccount): Promise<ContainerInstance>;
  /** DRAINING takes no more tasks; ACTIVE does. @throws Error when ECS does not answer, or refuses */
  setStatus(instance: ContainerInstance, region: string, status: 'ACTIVE' | 'DRAINING'): Promise<void>;
};

const LARGEST_ANSWER_BYTES = 16 * 1024;
/** A letter or a digit first: none of them can be an option of the AWS CLI. */
const CLUSTER = /^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$/;
const ARN = /^arn:aws[a-z-]{0,20}:ecs:([a-z0-9-]{1,40}):(\d{12}):container-instance\/[A-Za-z0-9_/-]{1,300}$/;

/**
 * Pure: what the agent says it is. The port is on this host's loopback, where a container on the host's network could
 * answer in the agent's place: it may name no other account's instance, and nothing that is more than a name.
 *
 * @throws Error
 */
export function readInstance(text: string, { region, accountId }: EcsAccount): ContainerInstance {
  const json = parseJson(text);
  if ('problem' in json) throw new Error(`what answers at the agent's port: ${json.problem}`);
  const { Cluster: cluster, ContainerInstanceArn: arn } = (json.value ?? {}) as Record<string, unknown>;
  if (typeof cluster !== 'string' || typeof arn !== 'string') throw new Error('the agent is not registered');
  const [, ofRegion, ofAccount] = ARN.exec(arn) ?? [];
  const name = cluster.startsWith('arn:') ? (cluster.split('/').at(-1) ?? '') : cluster;
  if (!CLUSTER.test(name) || ofRegion !== region || ofAccount !== accountId)
    throw new Error(`what answers at the agent's port is no container instance of ${accountId} in ${region}`);
  return { cluster: name, arn };
}

async function readBounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER_BYTES) throw new Error("what answers at the agent's port does not end");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Where the agent was told to find ECS, when that is not AWS: the same goes for us. */
function endpointIn(config: string): string | null {
  return /^ECS_BACKEND_HOST=(\S+)$/m.exec(config)?.[1] ?? null;
}

/** @throws Error with the CLI's own last line, and not the command that it was */
async function aws(args: readonly string[]): Promise<void> {
  try {
    await run('aws', [...args], {
      timeout: 20_000,
      killSignal: 'SIGKILL',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent' },
    });
  } catch (error) {
    const { stderr = '', killed = false } = error as { stderr?: string; killed?: boolean };
    const said = printable(stderr.trim().split('\n').at(-1) ?? '', 300);
    throw new Error(killed ? 'no answer in 20 s' : said || 'the AWS CLI failed');
  }
}

/** With the AWS CLI of the image, as the instance's role. */
export const awsEcs: Ecs = {
  instance: async (account) => {
    const answer = await fetch(INTROSPECTION, { redirect: 'error', signal: AbortSignal.timeout(3000) });
    return readInstance(await readBounded(answer), account);
  },
  setStatus: async ({ cluster, arn }, region, status) => {
    const endpoint = endpointIn(await readFile(ECS_CONFIG, 'utf8').catch(() => ''));
    await aws([
      ...['ecs', 'update-container-instances-state', '--status', status],
      ...['--cluster', cluster, '--container-instances', arn, '--region', region, '--output', 'json'],
      ...(endpoint === null ? [] : ['--endpoint-url', endpoint]),
    ]);
  },
};
