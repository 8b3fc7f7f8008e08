import type { BundleFile, NodeBinary } from '../bundle/names.ts';
import { userError } from '../io/errors.ts';
import type { BuildPlan } from './build-plan.ts';

type Carried = { readonly files: readonly BundleFile[]; readonly node: NodeBinary };

const MOST_NAMED = 5;

function differences(plan: BuildPlan, { files, node }: Carried): string[] {
  const planned = new Map(plan.bundles.map(({ path, sha256 }) => [path, sha256]));
  const found = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const paths = [...new Set([...planned.keys(), ...found.keys()])].sort();
  return [
    ...(node.version === plan.node.version && node.sha256 === plan.node.sha256 ? [] : ['bin/node']),
    ...paths.filter((path) => planned.get(path) !== found.get(path)),
  ];
}

/**
 * That what is about to be carried is, byte for byte, what the plan says.
 *
 * @throws EcsHostError (user) `PLAN_FILES_DIFFER` with the files that are not
 */
export function assertCarried(plan: BuildPlan, carried: Carried, where: string): void {
  const different = differences(plan, carried);
  if (different.length === 0) return;
  const more = different.length - MOST_NAMED;
  const named = [...different.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  throw userError(
    'PLAN_FILES_DIFFER',
    `Plan ${plan.planName} carries other files than ${where} gives: ${named}.`,
    'check out the commit that the plan was made at, or make it again with `ecs-host plan`',
  );
}
