import type { BuildPlan } from '../plan/build-plan.ts';
import type { Verdict } from './image-record.ts';

/** EC2 takes at most 256 characters in a tag value. */
const MAX_VALUE = 256;

/**
 * The tags of a finished image, except the versions of its components (see `versionTags`): what the plan says plus what only the run
 * knows. `ecs-host:verdict` is what marks it as finished.
 */
export function expectedTags(input: {
  readonly plan: BuildPlan;
  readonly runId: string;
  readonly owner: string;
  readonly commit: string;
}): Record<string, string> {
  return {
    ...input.plan.tags,
    'ecs-host:run-id': input.runId,
    'ecs-host:owner': input.owner,
    'ecs-host:kind': 'build',
    'ecs-host:profile': input.plan.profile,
    'ecs-host:plan-digest': input.plan.digest,
    'ecs-host:source-image': input.plan.baseImage.id,
    'ecs-host:commit': input.commit,
    'ecs-host:verdict': 'not-run' satisfies Verdict,
  };
}

/** EC2 allows 50 tags on a resource; the fixed ones leave ample room, but a profile could still install too much to list. */
const MAX_VERSION_TAGS = 35;

export function versionTags(versions: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(versions)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, MAX_VERSION_TAGS)
      .map(([component, version]) => [`ecs-host:version/${component}`, version.slice(0, MAX_VALUE)]),
  );
}
