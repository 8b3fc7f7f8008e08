import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Carried } from '../../provisioners/lib/context.ts';
import { projectFolder } from '../../src/io/paths.ts';

const ROOTFS = join(projectFolder(), 'packer', 'rootfs');

/** packer/rootfs as it is carried, with the files of a bundle. */
export async function carriedWith({ files, node }: Omit<Carried, 'rootfs'>): Promise<Carried> {
  const all = await readdir(ROOTFS, { recursive: true, withFileTypes: true });
  const rootfs = all
    .filter((each) => each.isFile())
    .map(async ({ parentPath, name }) => {
      const file = join(parentPath, name);
      const isProgram = ((await stat(file)).mode & 0o100) !== 0;
      return [file.slice(ROOTFS.length), { content: await readFile(file), isProgram }] as const;
    });
  return { rootfs: Object.fromEntries(await Promise.all(rootfs)), files, node };
}
