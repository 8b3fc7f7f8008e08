import { readdir } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { CANONICAL, isAnswering } from '../base-image/official/publisher.ts';
import type { BaseImageInputs } from '../base-image/recipe.ts';
import type { MotoClient } from '../moto/client.ts';
import { ensureArchiveKey } from '../official/archive-key.ts';
import { ensureAuthority } from '../official/authority.ts';
import { kernelPart } from '../parts/kernel/kernel.ts';
import { type Codename, ensurePart } from '../parts/part.ts';
import type { LabPaths } from '../paths.ts';
import { SourcesChoice } from '../sources-mode.ts';
import { BaseImages } from './base-images.ts';
import { withBaseImages } from './base-images-listener.ts';

/** Of a kernel's packages, those without its headers: who compiles a module fetches these. */
const IN_IMAGE = /^linux-(?:image|modules)-.*\.deb$/;

/** What a stand-in trusts, and its kernel. */
async function inputsOf(
  cache: string,
  codename: Codename,
  onProgress: (line: string) => void,
): Promise<BaseImageInputs> {
  const [folder, authority, key] = await Promise.all([
    ensurePart(kernelPart(codename), cache, onProgress),
    ensureAuthority(cache),
    ensureArchiveKey(cache),
  ]);
  const names = (await readdir(folder)).filter((name) => IN_IMAGE.test(name)).sort();
  return {
    authorityPem: authority.certificatePem,
    archiveKey: key.publicKey,
    kernelDebs: names.map((name) => join(folder, name)),
  };
}

/** Where a lab takes from what only the internet has. */
export function chooseSources(moto: MotoClient): SourcesChoice {
  return new SourcesChoice({
    isAnswering: () => isAnswering(CANONICAL),
    isInUse: async () => (await moto.control<readonly unknown[]>('live-instances')).length > 0,
  });
}

/** Answers whoever asks for a base image, and leaves the rest to another. */
export function baseImagesService(parts: {
  readonly paths: LabPaths;
  readonly moto: MotoClient;
  readonly sources: SourcesChoice;
}): (next: RequestListener) => RequestListener {
  const { paths } = parts;
  const images = new BaseImages({
    ...parts,
    inputsOf: (codename, onProgress) => inputsOf(paths.cache, codename, onProgress),
  });
  return (next) => withBaseImages(next, images, paths);
}
