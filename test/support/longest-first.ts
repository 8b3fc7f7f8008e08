import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Several files run at a time; what takes longest must not be the last to start. In the order of their times. */
const LONGEST = [
  'reference-profile',
  'ami',
  'hostd',
  'gate-attacks',
  'nightly',
  'dev-host',
  'release',
  'reference-profile-changed',
  'audit',
  'dev-host-watch',
  'scripts',
  'regions',
  'failing-bakes',
  'adversity',
  'session-manager',
  'gpu',
  'lab',
  'defects',
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
