import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INTROSPECTION = 'http://127.0.0.1:51678/v1/metadata';
const ECS_CONFIG = '/etc/ecs/ecs.config';

/** What the agent registered this host as. */
export type ContainerInstance = { readonly cluster: string; readonly arn: string };

export type EcsAccount = { readonly region: string; readonly accountId: string };

export type Ecs = {
  /** @throws Error when the agent does not answer, or is not registered (yet) */
  instance(account: EcsAccount): Promise<ContainerInstance>;
  /** DRAINING takes no more tasks; ACTIVE does. @throws Error when ECS does not answer, or refuses */
  setStatus(instance: ContainerInstance, region: string, status: 'ACTIVE' | 'DRAINING'): Promise<void>;
};

/** Where the agent was told to find ECS, when that is not AWS: the same goes for us. */
const endpointIn = (config: string): string | null => /^ECS_BACKEND_HOST=(\S+)$/m.exec(config)?.[1] ?? null;

/** With the AWS CLI of the image, as the instance's role. */
export const awsEcs: Ecs = {
  instance: async () => {
    const answer = await fetch(INTROSPECTION, { signal: AbortSignal.timeout(3000) });
    const { Cluster: cluster, ContainerInstanceArn: arn } = (await answer.json()) as Record<string, unknown>;
    if (typeof cluster !== 'string' || typeof arn !== 'string') throw new Error('the agent is not registered');
    return { cluster, arn };
  },
  setStatus: async ({ cluster, arn }, region, status) => {
    const endpoint = endpointIn(await readFile(ECS_CONFIG, 'utf8').catch(() => ''));
    await run(
      'aws',
      [
        ...['ecs', 'update-container-instances-state', '--status', status],
        ...['--cluster', cluster, '--container-instances', arn, '--region', region, '--output', 'json'],
        ...(endpoint === null ? [] : ['--endpoint-url', endpoint]),
      ],
      { timeout: 20_000, env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent' } },
    );
  },
};
