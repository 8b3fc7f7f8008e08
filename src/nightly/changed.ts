import type { BuildPlan } from '../plan/build-plan.ts';
import { canonicalJson, type Determinants } from '../plan/digest.ts';

type Inputs = ReadonlyMap<string, unknown>;

/** What the digest is over, each under a name for people. */
function inputsOf(plan: Determinants): Inputs {
  const { gpu, rootVolume, target, bundles, node, toolchain, provisioning, baseImage } = plan;
  const { provisioners, ...parts } = target;
  return new Map<string, unknown>([
    ['base image', baseImage.id],
    ['GPU', gpu],
    ['root volume', rootVolume],
    ...Object.entries(parts).map(([name, value]): [string, unknown] => [`target ${name}`, value]),
    ['provisioners', provisioners],
    ...bundles.map((file): [string, unknown] => [`file ${file.path}`, file]),
    ['Node', node],
    ['toolchain', toolchain],
    ['provisioning', provisioning],
  ]);
}

/** Pure: the inputs of a plan that are others than those of the plan before, by name; also those that came or went. */
export function changedInputs(before: BuildPlan, now: BuildPlan): readonly string[] {
  const [old, current] = [inputsOf(before), inputsOf(now)];
  const text = (inputs: Inputs, name: string): string => canonicalJson(inputs.get(name) ?? null);
  return [...new Set([...current.keys(), ...old.keys()])].filter((name) => text(old, name) !== text(current, name));
}
