import type { BuildPlan } from '../plan/build-plan.ts';
import type { Build } from '../plan/layers.ts';
import { runTags, TAG } from '../run/tags.ts';
import type { Verdict } from './image-record.ts';

/** The tags of a finished image of a slow layer. Its digest is what marks it as finished, and there is no verdict. */
export function layerTags({
  build: { tags },
  layerDigest,
  runId,
  owner,
  commit,
}: {
  readonly build: Pick<Build, 'tags'>;
  readonly layerDigest: string;
  readonly runId: string;
  readonly owner: string;
  readonly commit: string;
}): Record<string, string> {
  return { ...tags, ...runTags({ runId, owner, kind: 'build' }), [TAG.commit]: commit, [TAG.layer]: layerDigest };
}

/**
 * The tags of a finished image, except the versions of its components (`versionTags`): what the plan says plus what
 * only the run knows. The verdict is what marks it as finished.
 */
export function expectedTags(input: {
  readonly plan: BuildPlan;
  readonly runId: string;
  readonly owner: string;
  readonly commit: string;
}): Record<string, string> {
  const { plan, runId, owner, commit } = input;
  return {
    ...plan.tags,
    ...runTags({ runId, owner, kind: 'build' }),
    [TAG.commit]: commit,
    [TAG.verdict]: 'not-run' satisfies Verdict,
  };
}
