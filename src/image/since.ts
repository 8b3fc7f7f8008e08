import type { AwsClients } from '../aws/clients.ts';
import { userError } from '../io/errors.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { type Change, changedInputs, inputsOf, isDetermined } from '../plan/inputs.ts';
import { ec2TagsAsObject, TAG, versionsIn } from '../run/tags.ts';
import { findImage, unknownImage } from './find-image.ts';
import type { ImageRecord } from './image-record.ts';
import { readRecord } from './image-store.ts';
import { newestPassing } from './standing.ts';

/** What a plan has otherwise than an image that was baked before it. */
export type Since = {
  readonly imageId: string;
  /** When the image was made: UTC, ISO 8601; empty when nobody knows. */
  readonly createdAt: string;
  /** Whether a bake of the plan would be of the same inputs. */
  readonly isSame: boolean;
  /** `inputs`: everything is compared; `versions`: only what an image's tags, or a record of an older kind, name. */
  readonly comparedBy: 'inputs' | 'versions';
  readonly changed: readonly Change[];
};

/** What is known of an image that did not write down its inputs. */
type Former = Pick<ImageRecord, 'imageId' | 'createdAt' | 'planDigest' | 'sourceImageId' | 'versions'>;

/** What a plan pins, by the names that an image says its versions under. */
function pinnedVersions({ target, node }: BuildPlan): Record<string, string | null> {
  return {
    docker: target.docker.version,
    'ecs-agent': target.ecsAgent.source === 'aws' ? (target.ecsAgent.package.split('/').at(-1) ?? null) : null,
    'aws-cli': target.userTools.awsCli.version,
    node: node.version,
    'nvidia-driver': target.nvidia?.driverVersion ?? null,
    'nvidia-container-toolkit': target.nvidia?.containerToolkitVersion ?? null,
  };
}

/** Pure: by all inputs, as the image's record has them. */
export function sinceInputs(plan: BuildPlan, record: ImageRecord, inputs: NonNullable<ImageRecord['inputs']>): Since {
  const changed = changedInputs(inputs, inputsOf(plan));
  const { imageId, createdAt } = record;
  return { imageId, createdAt, isSame: changed.length === 0, comparedBy: 'inputs', changed };
}

/** Pure: by the base image and the versions that are installed, whose names are shorter than those that are pinned. */
export function sinceVersions(plan: BuildPlan, former: Former): Since {
  const { imageId, createdAt, planDigest, sourceImageId, versions } = former;
  const ofBase = { name: 'base image', before: sourceImageId, after: plan.baseImage.id };
  const ofVersions = Object.entries(pinnedVersions(plan)).flatMap(([name, after]): Change[] => {
    const before = versions[name] ?? null;
    return before === null || after === null || after.includes(before) ? [] : [{ name, before, after }];
  });
  const isSame = planDigest === plan.digest && isDetermined(plan);
  const changed = isSame ? [] : [...(ofBase.before === ofBase.after ? [] : [ofBase]), ...ofVersions];
  return { imageId, createdAt, isSame, comparedBy: 'versions', changed };
}

/**
 * What changed since an image: by its record, else by its tags.
 *
 * @param imageId null for the newest image of the profile that passed in this region
 * @returns null when there is none
 * @throws EcsHostError (user) `IMAGE_ID`, `IMAGE_UNKNOWN`, `IMAGE_FOREIGN`, `RECORD_UNREADABLE`
 */
export async function findSince(clients: AwsClients, plan: BuildPlan, imageId: string | null): Promise<Since | null> {
  const id = imageId ?? (await newestPassing(clients, plan.profile))?.imageId;
  if (id === undefined) return null;
  const record = await readRecord(id);
  if (record?.inputs) return sinceInputs(plan, record, record.inputs);
  if (record) return sinceVersions(plan, record);
  const image = await findImage(clients, id);
  if (image === null) throw unknownImage(id, plan.apiRegion);
  const tags = ec2TagsAsObject(image.Tags);
  const planDigest = tags[TAG.planDigest];
  if (planDigest === undefined)
    throw userError('IMAGE_FOREIGN', `${id} was not baked by ecs-host.`, '`ecs-host image list` shows those that were');
  const sourceImageId = tags[TAG.sourceImage] ?? '';
  return sinceVersions(plan, {
    ...{ imageId: id, createdAt: image.CreationDate ?? '', planDigest, sourceImageId },
    versions: versionsIn(tags),
  });
}
