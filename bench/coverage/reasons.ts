/** Why statements of provisioners/ run in no bake of the lab. */
type Reason = {
  /** A file, or what the paths of several begin with. */
  readonly file: string;
  /** The first line of what did not run; all of the file without it. */
  readonly text?: string;
  readonly reason: string;
};

export const REASONS: readonly Reason[] = [
  {
    file: 'provisioners/standalone',
    reason: 'sets up a machine that somebody has, and is carried to none that is baked (test/e2e/scripts.e2e.test.ts)',
  },
];
