import type { ProvisionerName } from '#contracts/provisioners.ts';
import type { Concern } from '../lib/context.ts';
import { base } from './base.ts';
import { clean } from './clean.ts';
import { development } from './development.ts';
import { docker } from './docker.ts';
import { ecsAgent } from './ecs-agent.ts';
import { hostService } from './host-service.ts';
import { imdsBlock } from './imds-block.ts';
import { limits } from './limits.ts';
import { nvidia } from './nvidia.ts';
import { recordVersions } from './record-versions.ts';
import { userTools } from './user-tools.ts';

/** Who does the work of each name. */
export const CONCERNS: Readonly<Record<Exclude<ProvisionerName, 'verify'>, Concern>> = {
  base,
  docker,
  nvidia,
  'ecs-agent': ecsAgent,
  'host-service': hostService,
  'imds-block': imdsBlock,
  limits,
  'user-tools': userTools,
  development,
  'record-versions': recordVersions,
  clean,
};

/** Looks at everything and changes nothing; concerns of other profiles say that they are not here. */
export const verify: Concern = {
  name: 'verify',
  apply: async () => {
    throw new Error('verify only looks; call it with verify');
  },
  verify: async (context) => {
    const isPlanned = (name: string): boolean => name === 'nvidia' || context.target.provisioners.includes(name);
    await Promise.all(
      Object.values(CONCERNS)
        .filter(({ name }) => isPlanned(name))
        .map((concern) => concern.verify(context)),
    );
  },
};
