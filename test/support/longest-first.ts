import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Several files run at a time; what takes longest must not be the last to start. In the order of their times. */
const LONGEST = [
  'ami',
  'audit',
  'reference-profile',
  'nightly',
  'release',
  'gate-attacks',
  'dev-host',
  'hostd',
  'scripts',
  'dev-host-watch',
  'adversity',
  'layers',
  'session-manager',
];

function rank({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.e2e.test.ts`));
  return at === -1 ? LONGEST.length : at;
}

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
