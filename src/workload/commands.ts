import { shellQuote } from '../io/shell-quote.ts';
import type { BuildPlan } from '../plan/build-plan.ts';

/** The developer's workload: a repository of container images, and where it is served. */
export type Workload = BuildPlan['developerWorkload'];
export type Repository = NonNullable<Workload['repository']>;

/** Where it lies, below the home of the login user. */
export const FOLDER = 'container-images';
const MINUTES = 60_000;

/** One command of the workload, as a developer types it. */
export type Step = {
  readonly id: 'clone' | 'build-protocol' | 'build-image' | 'run';
  readonly command: string;
  readonly timeoutMs: number;
  /** What the command reads: a secret, or a file of this machine. */
  readonly input?: string;
  readonly inputFile?: string;
};

/**
 * Pure: clone, check out the configured ref, then the submodules at their recorded commits or, where the configuration
 * says so, at refs of their own. What was in the folder before is lost.
 */
export function cloneCommand({ url, ref, submoduleRefs }: Repository, folder: string = FOLDER): string {
  const git = `git -C ${folder}`;
  const steps = [
    `rm -rf ${folder}`,
    `git clone --quiet --recurse-submodules ${shellQuote(url)} ${folder}`,
    `${git} checkout --quiet ${shellQuote(ref)}`,
    `${git} submodule --quiet update --init --recursive`,
    ...Object.entries(submoduleRefs).flatMap(([path, submoduleRef]) => {
      const inside = `git -C ${folder}/${shellQuote(path)}`;
      return [`${inside} fetch --quiet origin ${shellQuote(submoduleRef)}`, `${inside} checkout --quiet FETCH_HEAD`];
    }),
    `${git} rev-parse HEAD`,
  ];
  return steps.join(' && ');
}

/** The scripts of the repository, run the way a developer runs them: as the login user, in the repository. */
function script({ baseImageRegistry }: Workload, command: string): string {
  const registry = baseImageRegistry === '' ? '' : `BASE_IMAGE_REGISTRY=${shellQuote(baseImageRegistry)} `;
  return `cd ${FOLDER} && ${registry}${command}`;
}

export function buildProtocolStep(workload: Workload): Step {
  return { id: 'build-protocol', command: script(workload, './build_protocol.sh'), timeoutMs: 15 * MINUTES };
}

export function buildImageStep(workload: Workload): Step {
  const command = script(workload, `./build_container_image.sh ${shellQuote(workload.app)}`);
  return { id: 'build-image', command, timeoutMs: 15 * MINUTES };
}

export function runStep(workload: Workload): Step {
  const command = script(workload, `./run_container_image.sh ${shellQuote(workload.app)}`);
  return { id: 'run', command, timeoutMs: 2 * MINUTES };
}
