import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './paths.mjs';

/**
 * scripts/prerequisites.json: what has to be on the machine, for set-up and for `ecs-host doctor` alike.
 *
 * @typedef {object} SystemPackage
 * @property {string} name as apt knows it, on Debian and Ubuntu alike
 * @property {readonly string[]} probes all have to hold: a command, a path, or `python:MODULE`
 * @property {string} why
 * @property {'lab' | 'qemu'} [for] what only the lab needs, or only `machine: qemu` in it; a run on AWS goes without
 *
 * @typedef {object} Prerequisites
 * @property {{ os: string, arch: string, distributions: Record<string, string> }} platform
 * @property {{ min: string, fix: string }} node
 * @property {{ min: string, fix: string }} python
 * @property {{ min: string }} go
 * @property {{ version: string, min: string, below: string }} packer
 * @property {{ version: string }} amazonPlugin
 * @property {{ version: string, min: string }} sessionManagerPlugin
 * @property {number} diskGiB free space for images, disks and caches
 * @property {readonly SystemPackage[]} packages
 */

/**
 * @returns {Prerequisites}
 */
export function readPrerequisites() {
  return JSON.parse(readFileSync(join(projectFolder(), 'scripts', 'prerequisites.json'), 'utf8'));
}
