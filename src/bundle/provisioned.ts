import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { projectFolder } from '../io/paths.ts';
import { type BuiltBundle, filesBelow } from './bundle.ts';

/** As provisioners/manifest.ts has it, which is bundled and not imported. */
type Manifest = (
  target: TargetConfig,
  carried: {
    readonly rootfs: Readonly<Record<string, { readonly content: Uint8Array; readonly isProgram: boolean }>>;
    readonly files: readonly { readonly path: string; readonly sha256: string; readonly isProgram: boolean }[];
    readonly node: { readonly sha256: string };
  },
) => readonly ProvisionedEntry[];

async function isProgram(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o100) !== 0;
}

/** What the provisioners of a bundle leave on an image of the target. */
export async function provisionedBy(bundle: BuiltBundle, target: TargetConfig): Promise<readonly ProvisionedEntry[]> {
  const { manifest } = (await import(pathToFileURL(bundle.manifestProgram).href)) as { readonly manifest: Manifest };
  const root = join(projectFolder(), 'packer', 'rootfs');
  const rootfs = await Promise.all(
    (await filesBelow(root)).map(async (path) => {
      const file = join(root, path);
      return [`/${path}`, { content: await readFile(file), isProgram: await isProgram(file) }] as const;
    }),
  );
  const files = bundle.files.map(async ({ path, sha256 }) => ({
    ...{ path, sha256 },
    isProgram: await isProgram(join(bundle.folder, path)),
  }));
  return manifest(target, { rootfs: Object.fromEntries(rootfs), files: await Promise.all(files), node: bundle.node });
}
