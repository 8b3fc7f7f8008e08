import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { SESSION_MANAGER_PLUGIN } from '../host-access/needs.ts';
import { userError } from '../io/errors.ts';
import { cacheFolder } from '../io/paths.ts';
import { findProgram, inPath, type Need } from '../io/programs.ts';
import type { Transport } from '../plan/build-plan.ts';

export type PackerTool = {
  readonly packer: string;
  /** Where packer finds its plugins. */
  readonly pluginPath: string | undefined;
};

const AMAZON = join('github.com', 'hashicorp', 'amazon', 'packer-plugin-amazon_*');

function toolchain(part: string): string {
  return join(cacheFolder(), 'toolchain', part);
}

function findBinary(): Promise<string | null> {
  return findProgram('packer', [toolchain('bin')]);
}

/**
 * Set-up's folder of plugins, so that no plugin of the machine's own slips in; without it the one that the environment
 * names.
 */
async function findPlugins(): Promise<string | null> {
  for (const folder of [toolchain('plugins'), process.env['PACKER_PLUGIN_PATH'] ?? '']) {
    if (folder === '') continue;
    for await (const _ of glob(join(folder, AMAZON))) return folder;
  }
  return null;
}

/** The programs of this machine that a bake runs. */
export function bakeNeeds(transport: Transport): readonly Need[] {
  const fix = 'run `make setup`';
  return [
    { name: 'packer', what: 'builds the image', fix, find: findBinary },
    { name: 'packer-plugin-amazon', what: "is Packer's builder for EC2", fix, find: findPlugins },
    inPath('setpriv', 'ends Packer with this program'),
    ...(transport === 'session-manager' ? [SESSION_MANAGER_PLUGIN] : []),
  ];
}

/**
 * The packer that set-up provided (found or built), else the one in PATH, with its plugins.
 *
 * @throws EcsHostError `PACKER_MISSING` (user)
 */
export async function findPacker(): Promise<PackerTool> {
  const [packer, plugins] = await Promise.all([findBinary(), findPlugins()]);
  if (packer !== null) return { packer, pluginPath: plugins ?? undefined };
  throw userError(
    'PACKER_MISSING',
    'Packer was not found.',
    'run `make setup`; `ecs-host doctor` shows what is missing',
  );
}
