import { factsOf } from '../config/instance-types.ts';
import type { BuildPlan } from './build-plan.ts';

/** Pure: the GPUs that an instance of the plan has: one answer for each of its types that is known here. */
export function gpusOf({ instanceTypes }: Pick<BuildPlan, 'instanceTypes'>): readonly {
  /** As EC2 calls it: `M60`. */
  readonly name: string;
  readonly count: number;
}[] {
  return instanceTypes.flatMap((type) => factsOf(type)?.gpu ?? []);
}
