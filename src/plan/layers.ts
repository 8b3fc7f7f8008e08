import { createHash } from 'node:crypto';
import { provisionersOfLayers } from '#contracts/provisioners.ts';
import { SLOW_LAYER_FILE } from '../bundle/names.ts';
import { TAG } from '../run/tags.ts';
import type { BuildPlan, Layers } from './build-plan.ts';
import { canonicalJson, type Determinants } from './digest.ts';
import { provisioningSteps } from './provisioning.ts';

function sha256(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** Pure: both layers of an image, from what determines the image. */
export function layersOf(determinants: Determinants): Layers {
  const { gpu, rootVolume, target, packageLists, bundles, node, toolchain, provisioning, baseImage } = determinants;
  const names = provisionersOfLayers(target.provisioners);
  const { version, variant, os, sshUser, docker, nvidia, userTools, securityUpdates } = target;
  // Not of the agent, which is in the fast layer.
  const { ecsAgent: _, ...trust } = target.trust;
  const slow = sha256({
    ...{ gpu, rootVolume, packageLists, node, toolchain },
    baseImageId: baseImage.id,
    target: { version, variant, os, sshUser, docker, nvidia, userTools, trust, securityUpdates },
    bundles: bundles.filter(({ path }) => path === SLOW_LAYER_FILE),
    provisioning: provisioningSteps(names.slow),
  });
  return {
    slow: { digest: slow, provisioners: names.slow },
    fast: { digest: sha256({ slow, target, bundles, provisioning }), provisioners: names.fast },
  };
}

/** One run of Packer: what it begins with, does and makes. */
export type Build = {
  readonly kind: 'whole' | 'slow' | 'fast';
  /** Of the slow layer's own; null for an image that is the plan's. */
  readonly layerDigest: string | null;
  readonly imageName: string;
  readonly description: string;
  readonly sourceImageId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly provisioning: BuildPlan['provisioning'];
  readonly target: BuildPlan['target'];
};

/** The whole image from the base image. */
export function wholeBuild(plan: BuildPlan): Build {
  return {
    kind: 'whole',
    layerDigest: null,
    imageName: plan.imageName,
    description: `${plan.profile}, plan ${plan.digest.slice(0, 12)}`,
    sourceImageId: plan.baseImage.id,
    tags: plan.tags,
    provisioning: plan.provisioning,
    target: plan.target,
  };
}

/** The slow layer from the base image; its image is nothing but what others begin with. */
export function slowBuild(plan: BuildPlan): Build {
  const { digest, provisioners } = plan.layers.slow;
  const imageName = `ecs-host-layer-${plan.profile}-${digest.slice(0, 12)}`;
  return {
    ...wholeBuild(plan),
    kind: 'slow',
    layerDigest: digest,
    imageName,
    description: `${plan.profile}, slow layer ${digest.slice(0, 12)}`,
    tags: { Name: imageName, [TAG.profile]: plan.profile, [TAG.sourceImage]: plan.baseImage.id },
    provisioning: provisioningSteps(provisioners),
    target: { ...plan.target, provisioners },
  };
}

/** The image of the plan, from the image of its slow layer, which has Node. */
export function fastBuild(plan: BuildPlan, layerId: string): Build {
  return {
    ...wholeBuild(plan),
    kind: 'fast',
    sourceImageId: layerId,
    provisioning: provisioningSteps(plan.layers.fast.provisioners, { carriesNode: false }),
  };
}
