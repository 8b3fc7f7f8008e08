import type { Concern } from '../step.ts';
import { base } from './base.ts';
import { clean } from './clean.ts';
import { docker } from './docker.ts';
import { ecsAgent } from './ecs-agent.ts';
import { hostService } from './host-service.ts';
import { imdsBlock } from './imds-block.ts';
import { limits } from './limits.ts';
import { nvidia } from './nvidia.ts';
import { recordVersions } from './record-versions.ts';
import { userTools } from './user-tools.ts';

/** Every concern, in the order in which they are applied. */
export const CONCERNS: readonly Concern[] = [
  base,
  docker,
  nvidia,
  ecsAgent,
  hostService,
  imdsBlock,
  limits,
  userTools,
  recordVersions,
  clean,
];

/** Looks at everything and changes nothing; concerns of other profiles say that they are not here. */
export const verify: Concern = {
  name: 'verify',
  apply: async () => {
    throw new Error('verify only looks; call it with verify');
  },
  verify: async (context) => {
    const isPlanned = (name: string): boolean => name === 'nvidia' || context.target.provisioners.includes(name);
    await Promise.all(CONCERNS.filter(({ name }) => isPlanned(name)).map((concern) => concern.verify(context)));
  },
};
