import { SetupError } from './errors.mjs';
import { findCommand, findPython, readDistribution } from './probe.mjs';
import { compareVersions, versionFits } from './versions.mjs';

/**
 * Everything that is wrong with this machine, at once; an empty list when set-up can go on.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {{ os: string, arch: string, node: string, npm: string | null, python: string | null,
 *           distribution: { id: string, version: string, name: string } }} found
 * @returns {{ what: string, fix: string }[]}
 */
export const platformProblems = (needed, found) => {
  const problems = [];
  if (found.os !== needed.platform.os || found.arch !== needed.platform.arch) {
    problems.push({
      what: `this is ${found.os} on ${found.arch}; needed is Linux on x86-64`,
      fix: 'run it on an x86-64 machine or virtual machine with Debian 12 or Ubuntu 22.04',
    });
  }
  const { id, version, name } = found.distribution;
  const oldest = needed.platform.distributions[id];
  if (oldest === undefined || (/^\d/.test(version) && compareVersions(version, oldest) < 0)) {
    problems.push({
      what: `this is ${name}; needed is Debian 12 or newer, or Ubuntu 22.04 or newer`,
      fix: 'use one of these',
    });
  }
  if (!versionFits(found.node, needed.node)) {
    problems.push({ what: `Node.js is ${found.node}; needed is ${needed.node.min} or newer`, fix: needed.node.fix });
  }
  if (found.npm === null) problems.push({ what: 'npm is not in PATH', fix: needed.node.fix });
  if (found.python === null) {
    problems.push({ what: 'python3 is not in PATH', fix: needed.python.fix });
  } else if (!versionFits(found.python, needed.python)) {
    problems.push({
      what: `Python is ${found.python}; needed is ${needed.python.min} or newer`,
      fix: needed.python.fix,
    });
  }
  return problems;
};

/**
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @returns {Promise<{ path: string, version: string }>} the Python to use
 */
export const checkPlatform = async (needed) => {
  const [npm, python, distribution] = await Promise.all([findCommand('npm'), findPython(), readDistribution()]);
  const problems = platformProblems(needed, {
    os: process.platform,
    arch: process.arch,
    node: process.versions.node,
    npm,
    python: python?.version ?? null,
    distribution,
  });
  if (problems.length === 0 && python !== null) return python;
  throw new SetupError('user', 'this machine is not ready', {
    hint: problems.map((problem) => `${problem.what}\n      fix: ${problem.fix}`).join('\n'),
  });
};
