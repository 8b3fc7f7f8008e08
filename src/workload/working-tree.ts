import type { Ssh } from '../host-access/ssh.ts';
import type { SpanHandle } from '../io/reporter.ts';
import { cloneCommand, FOLDER, type Step, type Workload } from './commands.ts';
import { follow, stepFailed } from './follow.ts';

/** Cloned beside it and moved there when whole: a clone that was cut off must not pass for the developer's folder. */
const UNFINISHED = '.container-images.new';
const CLONED = 'cloned';

/** Pure: clones, unless the folder is there. Whatever is in it is the developer's, and stays. */
export function cloneIfMissingStep(workload: Workload): Step {
  const clone = `${cloneCommand(workload, UNFINISHED)} >/dev/null && mv -T ${UNFINISHED} ${FOLDER} && echo ${CLONED}`;
  return { id: 'clone', command: `[ -e ${FOLDER} ] || { ${clone}; }`, timeoutMs: 10 * 60_000 };
}

export type WorkingTree = {
  readonly isNew: boolean;
  /** Abbreviated; null when the folder is no working tree of git's. */
  readonly commit: string | null;
  /** Whether something in it is not committed. */
  readonly isChanged: boolean;
};

/**
 * The repository on the host, cloned now or as the developer left it.
 *
 * @throws EcsHostError `WORKLOAD_FAILED` (outside)
 */
export async function ensureWorkingTree(ssh: Ssh, workload: Workload, span: SpanHandle): Promise<WorkingTree> {
  const cloned = await follow(ssh, cloneIfMissingStep(workload), span);
  if (cloned.exitCode !== 0) throw stepFailed('the clone', cloned);
  const git = `git -C ${FOLDER}`;
  const { exitCode, stdout } = await ssh.run(
    `[ -e ${FOLDER}/.git ] && ${git} rev-parse --short=12 HEAD && ${git} status --porcelain | head -n 1`,
  );
  const [commit = '', change = ''] = stdout.split('\n');
  const isGit = exitCode === 0 && commit !== '';
  return { isNew: cloned.stdout.trim() === CLONED, commit: isGit ? commit : null, isChanged: change !== '' };
}

/** Pure: what was built, for people. */
export function describeTree({ isNew, commit, isChanged }: WorkingTree): string {
  if (commit === null) return `${FOLDER}, as it lies there (no working tree of git's)`;
  return `${FOLDER} at ${commit}${isNew ? ', cloned now' : isChanged ? ', with changes that are not committed' : ''}`;
}
