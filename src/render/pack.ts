import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { targetText } from '#contracts/target-config.ts';
import { type Bundle, NODE_FILE, packTar } from '../bundle/bundle.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Build } from '../plan/layers.ts';
import { planSummaryText } from '../plan/plan-file.ts';

/** Of what is carried, beside what every build needs. The slow layer runs nothing but Node, and leaves it. */
async function carriedBy({ kind }: Build, folder: string): Promise<readonly string[]> {
  if (kind === 'whole') return ['bin', 'payload'];
  if (kind === 'slow') return [NODE_FILE];
  const programs = (await readdir(join(folder, 'bin'))).map((name) => `bin/${name}`);
  return [...programs.filter((path) => path !== NODE_FILE), 'payload'];
}

/** Adds target.json, and packs what a build carries into the one file that Packer uploads. */
export async function packBundle(bundle: Bundle, plan: BuildPlan, file: string, build: Build): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(join(bundle.folder, 'target.json'), targetText(build.target));
  await writeFile(join(bundle.folder, 'plan-summary.json'), planSummaryText(plan));
  const carried = await carriedBy(build, bundle.folder);
  const always = ['plan-summary.json', 'provisioners', 'rootfs.tar', 'target.json'];
  await packTar(file, bundle.folder, [...carried, ...always], { isCompressed: build.kind === 'fast' });
}
