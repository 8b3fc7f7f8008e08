import { expect, test } from 'vitest';
import { checkAgentWaits } from '../../provisioners/concerns/nvidia.ts';
import type { Context } from '../../provisioners/lib/context.ts';
import { nvidia, target } from '../fixtures/target-config.ts';

test.each([
  ['a host', ['base', 'docker', 'nvidia', 'ecs-agent'], ['nvidia.agent-after-devices']],
  ['the slow layer', ['base', 'docker', 'nvidia'], []],
] as const)('of %s, the agent is looked at where it has been installed', async (_, provisioners, looked) => {
  const ids: string[] = [];
  const context = {
    target: { ...target, nvidia, provisioners },
    look: async ({ id }: { readonly id: string }) => void ids.push(id),
  };
  await checkAgentWaits(context as unknown as Context);
  expect(ids).toEqual(looked);
});
