import { bakeNeeds } from '../../bake/toolchain.ts';
import { saveRecord } from '../../image/image-store.ts';
import type { Need } from '../../io/programs.ts';
import type { Transport } from '../../plan/build-plan.ts';
import { smokeNeeds } from '../../smoke/needs.ts';
import { smoke } from '../../smoke/smoke.ts';
import { keepVerdict, verdictError } from '../../smoke/verdict.ts';
import { withPlanning } from '../follow-plan.ts';
import type { Wanted } from '../preflight.ts';
import { withSession } from '../session.ts';
import { bakeImage, keepOf } from './bake.ts';
import { close } from './closing.ts';
import { smokeCommand } from './smoke.ts';

function amiNeeds(transport: Transport): readonly Need[] {
  return [...bakeNeeds(transport), ...smokeNeeds(transport)];
}

const AMI: Wanted = { needsOf: amiNeeds, builds: true, smokes: 2 };

/** `ecs-host ami`: bake and smoke. */
export function ami(argv: Record<string, unknown>): Promise<number> {
  return withSession(argv, async (session) => {
    const outcome = await withPlanning(session, argv, AMI, async (api, planning) => {
      const { clients, endpointUrl } = api;
      const keep = keepOf(argv, api);
      const baked = await bakeImage(session, api, { planning, keepsBundle: argv['debug'] === true, keep });
      const { imageId } = baked.record;
      const plan = { ...baked.plan, endpointUrl };
      const result = await session.span('smoke', () => smoke({ plan, imageId, ctx: session, clients, keep }));
      await saveRecord({ ...baked.record, timings: session.spans() });
      const recordFile = await keepVerdict(clients, imageId, result);
      return { imageId, substitutions: plan.substitutions, recordFile, result };
    });
    await close(session, argv['json'] === true, outcome);
    if (outcome.result.verdict !== 'passed')
      throw verdictError(outcome.imageId, outcome.result).repeatedBy(smokeCommand(outcome.imageId, argv));
    return 0;
  });
}
