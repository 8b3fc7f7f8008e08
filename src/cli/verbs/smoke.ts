import { resolve } from 'node:path';
import type { Image } from '@aws-sdk/client-ec2';
import { findImage, unknownImage } from '../../image/find-image.ts';
import { assertImageId } from '../../image/image-store.ts';
import { userError } from '../../io/errors.ts';
import { commandLine } from '../../io/shell-quote.ts';
import { ec2TagsAsObject, TAG } from '../../run/tags.ts';
import { parseParts } from '../../smoke/checks/check-definitions.ts';
import { smokeNeeds } from '../../smoke/needs.ts';
import { keepVerdict, verdictError } from '../../smoke/verdict.ts';
import { planFileOf, withPlanning } from '../follow-plan.ts';
import { planOfImage } from '../image-plan.ts';
import type { Wanted } from '../preflight.ts';
import { commonArguments, withSession } from '../session.ts';
import { keepOf } from './bake.ts';
import { close } from './closing.ts';

/** The command that proves an image again, as this one was called. */
export function smokeCommand(imageId: string, argv: Record<string, unknown>): string {
  const plan = planFileOf(argv);
  const { region, profile, configFile } = commonArguments(argv);
  const by =
    plan === null
      ? ['--region', region, '--config', resolve(configFile), ...(profile === null ? [] : ['--profile', profile])]
      : ['--plan', resolve(plan)];
  return commandLine({}, ['ecs-host', 'smoke', imageId, ...by]);
}

/** A slow layer is no host yet, and has no verdict. */
function refuseLayer(imageId: string, { Tags }: Image): void {
  if (ec2TagsAsObject(Tags)[TAG.layer] === undefined) return;
  throw userError(
    'IMAGE_IS_LAYER',
    `${imageId} is a layer that images begin with, and no host: there is nothing to prove.`,
    'prove the image that was baked upon it; `ecs-host image list` shows both',
  );
}

/** `ecs-host smoke <image>`. */
export function smokeOnly(argv: Record<string, unknown>): Promise<number> {
  const imageId = String(argv['image']);
  assertImageId(imageId);
  const parts = parseParts(typeof argv['only'] === 'string' ? argv['only'] : null);
  const hasFile = planFileOf(argv) !== null;
  const wanted: Wanted = {
    needsOf: (transport) => smokeNeeds(transport, parts),
    builds: false,
    smokes: parts.has('cluster') ? 2 : 1,
    watches: parts.has('workload'),
  };
  return withSession(argv, async (session) => {
    const outcome = await withPlanning(session, argv, wanted, async (api, planning) => {
      const { clients, apiRegion } = api;
      const keep = keepOf(argv, api);
      // Before a plan is made and machines are asked for: most unknown ids are typing errors.
      const image = await findImage(clients, imageId);
      if (image === null) throw unknownImage(imageId, apiRegion);
      refuseLayer(imageId, image);
      const plan = await planOfImage(session, api, { imageId, hasFile, planning });
      const { smoke } = await import('../../smoke/smoke.ts');
      const result = await session.span('smoke', () => smoke({ plan, imageId, ctx: session, clients, parts, keep }));
      const recordFile = await keepVerdict(clients, imageId, result);
      return { imageId, baked: false, since: null, substitutions: plan.substitutions, recordFile, result };
    });
    await close(session, argv['json'] === true, outcome);
    if (outcome.result.verdict !== 'passed')
      throw verdictError(imageId, outcome.result).repeatedBy(smokeCommand(imageId, argv));
    return 0;
  });
}
