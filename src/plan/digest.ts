import { createHash } from 'node:crypto';
import type { BuildPlan } from './build-plan.ts';

/** JSON with sorted keys: the same value always has the same text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/**
 * What the digest is over: what ends up in the image or decides how it is made, and nothing of the run, the network or
 * the time. Not the instance type either: nothing on the build instance is told which it is on, and every type of a
 * profile takes the same driver (docs/decisions/0162).
 */
export type Determinants = Pick<
  BuildPlan,
  | 'gpu'
  | 'rootVolume'
  | 'target'
  | 'packageLists'
  | 'bundles'
  | 'node'
  | 'toolchain'
  | 'provisioning'
  | 'provisioned'
  | 'baseImage'
>;

export function digestOf(plan: Determinants): string {
  const { gpu, rootVolume, target, packageLists, bundles, node, toolchain, provisioning, provisioned, baseImage } =
    plan;
  const determinants = {
    ...{ gpu, rootVolume, target, packageLists, bundles, node, toolchain, provisioning, provisioned },
    baseImageId: baseImage.id,
  };
  return createHash('sha256').update(canonicalJson(determinants)).digest('hex');
}
