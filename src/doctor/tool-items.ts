import { join } from 'node:path';
import { nodeModulesFit } from '../../scripts/setup-lib/node-modules.mjs';
import type { Prerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findCommand, probeVersion } from '../../scripts/setup-lib/probe.mjs';
import { findEnvironment } from '../../scripts/setup-lib/python.mjs';
import { findSessionManagerPlugin } from '../../scripts/setup-lib/session-manager.mjs';
import { findToolchain } from '../../scripts/setup-lib/toolchain.mjs';
import { versionFits } from '../../scripts/setup-lib/versions.mjs';
import { cacheFolder, projectFolder } from '../io/paths.ts';
import { type DoctorItem, item } from './doctor-item.ts';

const SETUP = 'make setup';

/** The Node of the machine runs set-up; the project's own, which runs this, does everything else. */
export async function nodeItems(needed: Prerequisites): Promise<DoctorItem[]> {
  const command = await systemNode();
  const found = command === null ? null : await probeVersion([command, '--version']);
  const fits = await nodeModulesFit(projectFolder());
  return [
    item('Node.js of the machine', 'everything', versionFits(found, needed.node), {
      found: found ?? 'not in PATH',
      needed: `${needed.node.min} or newer`,
      fix: needed.node.fix,
    }),
    item("the project's own Node.js", 'everything', versionFits(process.versions.node, { min: '24.0.0' }), {
      found: process.versions.node,
      needed: '24',
      fix: SETUP,
    }),
    item('npm packages', 'everything', fits, {
      found: fits ? 'as in package-lock.json' : 'not as in package-lock.json',
      needed: 'as in package-lock.json',
      fix: SETUP,
    }),
  ];
}

/** `npm run` and our own scripts put node_modules/.bin first in PATH; that one is not the machine's. */
async function systemNode(): Promise<string | null> {
  const command = await findCommand('node');
  return command?.includes('node_modules') ? findCommand('nodejs') : command;
}

export async function pythonItems(
  needed: Prerequisites,
  python: { path: string; version: string } | null,
): Promise<DoctorItem[]> {
  const venv = join(cacheFolder(), 'venv');
  const environment = await findEnvironment(venv, join(projectFolder(), 'lab', 'requirements.lock'));
  return [
    item('Python', 'lab', versionFits(python?.version ?? null, needed.python), {
      found: python?.version ?? 'not in PATH',
      needed: `${needed.python.min} or newer`,
      fix: needed.python.fix,
    }),
    item('Python packages (moto, ffmpeg)', 'lab', environment !== null, {
      found: environment === null ? 'not as in lab/requirements.lock' : `${venv}, Python ${environment.python}`,
      needed: 'as in lab/requirements.lock',
      fix: SETUP,
    }),
  ];
}

export async function toolchainItems(needed: Prerequisites): Promise<DoctorItem[]> {
  const place = { project: projectFolder(), cache: cacheFolder(), needed };
  const [found, sessionManager] = await Promise.all([findToolchain(place), findSessionManagerPlugin(place)]);
  const describe = (part: { version: string; origin: string } | null | undefined): string =>
    !part ? 'not made from the present pins' : `${part.version} (${part.origin})`;
  return [
    item('Packer', 'everything', found !== null, {
      found: describe(found?.packer),
      needed: `${needed.packer.min} or newer, below ${needed.packer.below}`,
      fix: SETUP,
    }),
    item('amazon plugin of Packer', 'everything', found !== null, {
      found: describe(found?.plugin),
      needed: needed.amazonPlugin.version,
      fix: SETUP,
    }),
    item('session-manager-plugin', 'AWS', sessionManager !== null, {
      found: describe(sessionManager),
      needed: `${needed.sessionManagerPlugin.min} or newer`,
      fix: SETUP,
    }),
  ];
}
