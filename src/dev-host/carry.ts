import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROVISIONERS } from '#contracts/provisioners.ts';
import { type TargetConfig, targetText } from '#contracts/target-config.ts';
import { type Bundle, packTar } from '../bundle/bundle.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Source } from './source.ts';

/** What is brought to a dev host: the provisioners and what they install, in one file, and Node beside it. */
export type Carried = {
  readonly bundleFile: string;
  /** Of the bundle, where Node is. */
  readonly folder: string;
  readonly nodeVersion: string;
};

/**
 * What is done on a dev host: all of the development variant on a base image, and on a host's image only what makes a
 * development host of it.
 */
export function devTarget({ target }: BuildPlan, { kind }: Source): TargetConfig {
  const names = PROVISIONERS.development.filter((name) => name !== 'nvidia' || target.nvidia !== null);
  return { ...target, variant: 'development', provisioners: kind === 'image' ? ['development', 'verify'] : names };
}

/** Packs a bundle for a target; the same file goes to every host that is brought up together. */
export async function packForHost(bundle: Bundle, target: TargetConfig, folder: string): Promise<Carried> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(bundle.folder, 'target.json'), targetText(target));
  const bundleFile = join(folder, 'dev-host.tar');
  // Node apart: it is most of the bytes, and a host that was baked has it.
  const programs = bundle.files.map(({ path }) => path).filter((path) => path.startsWith('bin/'));
  const entries = [...programs, 'payload', 'provisioners', 'rootfs.tar', 'target.json'];
  await packTar(bundleFile, bundle.folder, entries, { isCompressed: true });
  return { bundleFile, folder: bundle.folder, nodeVersion: bundle.node.version };
}
