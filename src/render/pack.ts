import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Bundle, packTar } from '../bundle/bundle.ts';
import type { BuildPlan } from '../plan/build-plan.ts';

/** Adds target.json, packs everything into the one file that Packer uploads, and removes what was packed. */
export async function packBundle(bundle: Bundle, plan: BuildPlan, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(join(bundle.folder, 'target.json'), `${JSON.stringify(plan.target, null, 2)}\n`);
  await writeFile(
    join(bundle.folder, 'plan-summary.json'),
    `${JSON.stringify({ name: plan.planName, digest: plan.digest, sourceImage: plan.baseImage, substitutions: plan.substitutions }, null, 2)}\n`,
  );
  await packTar(file, bundle.folder, [
    'bin',
    'payload',
    'plan-summary.json',
    'provisioners',
    'rootfs.tar',
    'target.json',
  ]);
  await rm(bundle.folder, { recursive: true });
}
