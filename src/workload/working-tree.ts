import type { Ssh } from '../host-access/ssh.ts';
import type { SpanHandle } from '../io/reporter.ts';
import { type Brought, bringStep, dropBrought } from './brought.ts';
import { FOLDER, type Step } from './commands.ts';
import { follow, stepFailed } from './follow.ts';

/** Cloned beside it and moved there when whole: a clone that was cut off must not pass for the developer's folder. */
const UNFINISHED = '.container-images.new';
const BROUGHT = 'brought';

/** Pure: brings it, unless the folder is there. Whatever is in it is the developer's, and stays. */
export function bringIfMissingStep(brought: Brought): Step {
  const { command, ...step } = bringStep(brought, UNFINISHED);
  const whole = `{ ${command}\n} >/dev/null && mv -T ${UNFINISHED} ${FOLDER} && echo ${BROUGHT}`;
  return { ...step, command: `[ -e ${FOLDER} ] || { ${whole}; }` };
}

export type WorkingTree = {
  readonly isNew: boolean;
  /** Abbreviated; null when the folder is no working tree of git's. */
  readonly commit: string | null;
  /** Whether something in it is not committed. */
  readonly isChanged: boolean;
};

/** @returns whether it was not there. @throws EcsHostError `WORKLOAD_FAILED` (outside) */
async function bringIfMissing(ssh: Ssh, brought: Brought, span: SpanHandle): Promise<boolean> {
  const result = await follow(ssh, bringIfMissingStep(brought), span);
  await dropBrought(brought);
  if (result.exitCode !== 0) throw stepFailed('bringing the container images', result);
  return result.stdout.trim() === BROUGHT;
}

/**
 * The container images on the host, brought now or as the developer left it.
 *
 * @param bring asked only when they are not there
 * @throws EcsHostError `WORKLOAD_FAILED` (outside)
 */
export async function ensureWorkingTree(
  ssh: Ssh,
  bring: () => Promise<Brought>,
  span: SpanHandle,
): Promise<WorkingTree> {
  const isThere = (await ssh.run(`[ -e ${FOLDER} ]`)).exitCode === 0;
  const isNew = !isThere && (await bringIfMissing(ssh, await bring(), span));
  const git = `git -C ${FOLDER}`;
  const { exitCode, stdout } = await ssh.run(
    `[ -e ${FOLDER}/.git ] && ${git} rev-parse --short=12 HEAD && ${git} status --porcelain | head -n 1`,
  );
  const [commit = '', change = ''] = stdout.split('\n');
  const isGit = exitCode === 0 && commit !== '';
  return { isNew, commit: isGit ? commit : null, isChanged: change !== '' };
}

/** Pure: what was built, for people. */
export function describeTree({ isNew, commit, isChanged }: WorkingTree): string {
  if (commit === null) return `${FOLDER}, ${isNew ? 'brought now' : "as it lies there (no working tree of git's)"}`;
  return `${FOLDER} at ${commit}${isNew ? ', brought now' : isChanged ? ', with changes that are not committed' : ''}`;
}
