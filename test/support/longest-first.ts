import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Two files run at a time; the one that takes half of all the time must not be the last to start. */
const LONGEST = /ami\.e2e\.test\.ts$/;

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => Number(LONGEST.test(b.moduleId)) - Number(LONGEST.test(a.moduleId)));
  }
}
