import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { removePackagedGo } from './build-programs.mjs';
import { installNodeModules, nodeModulesFit } from './node-modules.mjs';
import { installPackages, missingPackages, wantedPackages } from './packages.mjs';
import { cacheFolder, projectFolder } from './paths.mjs';
import { checkPlatform, nodeProblems, readSystem, systemProblems } from './platform.mjs';
import { readPrerequisites } from './prerequisites.mjs';
import { findCommand, findPython } from './probe.mjs';
import { formatSeconds } from './progress.mjs';
import { findEnvironment, makeEnvironment } from './python.mjs';
import { findSessionManagerPlugin, makeSessionManagerPlugin } from './session-manager.mjs';
import { findToolchain, makeToolchain } from './toolchain.mjs';

/**
 * Everything that has to be on the machine before the command line works, each step only when something is missing.
 *
 * @param {{ progress: ReturnType<typeof import('./progress.mjs').createProgress>, interactive: boolean, signal:
 *   AbortSignal, forLab: boolean }} context without the lab, what only the lab needs is not asked for
 */
export async function setUp({ progress, interactive, signal, forLab }) {
  const began = performance.now();
  const project = projectFolder();
  const cache = cacheFolder();
  const needed = readPrerequisites();
  const lock = join(project, 'lab', 'requirements.lock');
  const venv = join(cache, 'venv');
  let worked = 0;

  /**
   * @param {string} title
   * @param {string} why
   * @param {(step: import('./progress.mjs').Step) => Promise<string | void>} work returns what to say at the end
   */
  const step = async (title, why, work) => {
    signal.throwIfAborted();
    worked += 1;
    const open = progress.start(title, why);
    try {
      const note = await work(open);
      signal.throwIfAborted();
      open.end('done', note ?? undefined);
    } catch (error) {
      open.end('failed');
      throw error;
    }
  };

  // Asking Python costs as much as all the rest, so a finished environment answers for it. It holds moto, and ffmpeg
  // for machines that have none.
  let environment = await findEnvironment(venv, lock);
  const wantsEnvironment = environment === null && (forLab || (await findCommand('ffmpeg')) === null);
  const python = wantsEnvironment ? await checkPlatform(needed) : { path: '/usr/bin/python3', version: '' };
  if (!wantsEnvironment) await checkPlatformQuickly(needed);

  const wanted = wantedPackages(needed.packages, { forLab, wantsEnvironment });
  const missing = await missingPackages(wanted, python.path);
  if (missing.length > 0) {
    const count = `${missing.length} missing`;
    await step('system packages', count, (open) => installPackages(missing, open, { interactive }));
  }
  if (!(await nodeModulesFit(project))) {
    await step('npm packages', 'package-lock.json is not installed', (open) => installNodeModules(project, open));
  }
  if (wantsEnvironment) {
    const best = (await findPython()) ?? python;
    await step('Python packages', 'lab/requirements.lock is not installed', (open) =>
      makeEnvironment(venv, lock, best, open),
    );
    environment = await findEnvironment(venv, lock);
  }
  const place = {
    project,
    cache,
    needed,
    python: environment === null ? python : { path: join(venv, 'bin', 'python3'), version: environment.python },
  };
  if ((await findToolchain(place)) === null) {
    const versions = `${needed.packer.version} and ${needed.amazonPlugin.version}`;
    await step('Packer and its amazon plugin', versions, async (open) => {
      await makeToolchain(place, open);
      const made = await findToolchain(place);
      return made === null
        ? undefined
        : `${made.packer.version} (${made.packer.origin}), plugin ${made.plugin.version}`;
    });
  }
  if ((await findSessionManagerPlugin(place)) === null) {
    await step('session-manager-plugin', needed.sessionManagerPlugin.version, async (open) => {
      await makeSessionManagerPlugin(place, open);
      const made = await findSessionManagerPlugin(place);
      return made === null ? undefined : `${made.version} (${made.origin})`;
    });
  }
  await removePackagedGo(cache);
  const spent = formatSeconds(performance.now() - began);
  progress.line(worked === 0 ? `set-up  ok  nothing to do (${spent})` : `set-up  ok  ready (${spent})`);
}

/**
 * Without asking other programs: an environment that is there has its Python, and was made with npm at hand.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 */
async function checkPlatformQuickly(needed) {
  const problems = [...systemProblems(needed, await readSystem()), ...nodeProblems(needed, process.versions.node)];
  if (problems.length > 0) await checkPlatform(needed);
}
