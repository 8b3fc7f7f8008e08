import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { userError } from '../io/errors.ts';
import { cacheFolder } from '../io/paths.ts';

export type PackerTool = {
  readonly packer: string;
  /** Where packer finds its plugins; null leaves that to the packer of the machine. */
  readonly pluginPath: string | null;
};

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * The packer that set-up provided (found or built), else the one in PATH. Plugins always come from set-up's folder when
 * there is one, so that no plugin of the machine's own slips in.
 *
 * @throws EcsHostError `PACKER_MISSING` (user)
 */
export async function findPacker(): Promise<PackerTool> {
  const toolchain = join(cacheFolder(), 'toolchain');
  const plugins = join(toolchain, 'plugins');
  const pluginPath = (await access(plugins).then(
    () => true,
    () => false,
  ))
    ? plugins
    : null;
  const folders = [
    join(toolchain, 'bin'),
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
  ];
  for (const folder of folders) {
    const packer = join(folder, 'packer');
    if (await isExecutable(packer)) return { packer, pluginPath };
  }
  throw userError(
    'PACKER_MISSING',
    'Packer was not found.',
    'run `make setup`; `ecs-host doctor` shows what is missing',
  );
}
