import { SetupError } from './errors.mjs';
import { findCommand, findPython, readDistribution } from './probe.mjs';
import { compareVersions, versionFits } from './versions.mjs';

/**
 * @typedef {{ what: string, fix: string }} Problem
 * @typedef {{ os: string, arch: string, distribution: { id: string, version: string, name: string } }} System
 */

/**
 * What is wrong with the operating system; nothing when set-up can go on.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {System} found
 * @returns {Problem[]}
 */
export function systemProblems(needed, found) {
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
  return problems;
}

/**
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string} version of the Node that runs set-up
 * @returns {Problem[]}
 */
export function nodeProblems(needed, version) {
  return versionFits(version, needed.node)
    ? []
    : [{ what: `Node.js is ${version}; needed is ${needed.node.min} or newer`, fix: needed.node.fix }];
}

/**
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {string | null} version
 * @returns {Problem[]}
 */
function pythonProblems(needed, version) {
  if (version === null) return [{ what: 'python3 is not in PATH', fix: needed.python.fix }];
  if (versionFits(version, needed.python)) return [];
  return [{ what: `Python is ${version}; needed is ${needed.python.min} or newer`, fix: needed.python.fix }];
}

/**
 * Everything that is wrong with this machine, at once; an empty list when set-up can go on.
 *
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {System & { node: string, npm: string | null, python: string | null }} found
 * @returns {Problem[]}
 */
export function platformProblems(needed, found) {
  return [
    ...systemProblems(needed, found),
    ...nodeProblems(needed, found.node),
    ...(found.npm === null ? [{ what: 'npm is not in PATH', fix: needed.node.fix }] : []),
    ...pythonProblems(needed, found.python),
  ];
}

/** A region of AWS; hosts.yaml, which could call the lab like this, is not read before packages are there. */
const AWS_REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;

/**
 * Whether set-up is for a run on AWS, which needs nothing of the lab.
 *
 * @param {readonly string[]} args with `--region REGION` where one was named
 */
export function isOnAws(args) {
  const at = args.indexOf('--region');
  return at >= 0 && AWS_REGION.test(args[at + 1] ?? '');
}

/** @returns {Promise<System>} */
export async function readSystem() {
  return {
    os: process.platform,
    arch: process.arch,
    distribution: await readDistribution(),
  };
}

/**
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @returns {Promise<{ path: string, version: string }>} the Python to use
 */
export async function checkPlatform(needed) {
  const [npm, python, system] = await Promise.all([findCommand('npm'), findPython(), readSystem()]);
  const node = process.versions.node;
  const problems = platformProblems(needed, { ...system, node, npm, python: python?.version ?? null });
  if (problems.length === 0 && python !== null) return python;
  throw new SetupError('user', 'this machine is not ready', {
    hint: problems.map((problem) => `${problem.what}\n      fix: ${problem.fix}`).join('\n'),
  });
}
