import { createServer, type RequestListener } from 'node:http';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { reasonOf } from '../reason.ts';
import { ensureImage } from '../registry/build-image.ts';
import { IMAGE_RECIPES } from '../registry/recipes.ts';
import { createRegistryListener, type ServedImage } from '../registry/serve.ts';
import type { NamespaceService } from './namespace-services.ts';
import { httpService } from './namespace-services.ts';

/**
 * The images of the lab's registry. The very first start has to build them, which takes longer than everything else and
 * is needed by nobody before a container is built: so it goes on beside the running lab, and who pulls one early waits
 * for that one.
 */
export function buildImages(cache: string, log: (line: string) => void): readonly ServedImage[] {
  // One after the other: they would share two processors with the machines.
  let before: Promise<unknown> = Promise.resolve();
  return IMAGE_RECIPES.map((recipe) => {
    const folder = before.then(() => ensureImage(cache, recipe, (line) => log(`registry: ${line}`)));
    before = folder.catch((error: unknown) => log(`registry: ${recipe.name} FAILED: ${reasonOf(error)}`));
    return { name: recipe.name, tag: recipe.tag, folder };
  });
}

export function registryService(images: readonly ServedImage[]): NamespaceService {
  return httpService('registry', SERVICE_ADDRESS, 5000, createServer(createRegistryListener(images)));
}

/** What of them ECR Public has as well, under its name there: Debian, and no image with a compiler. */
export function ecrPublic(images: readonly ServedImage[]): RequestListener {
  return createRegistryListener(
    images
      .filter(({ name }) => name === 'ecs-host/debian')
      .map((image) => ({ ...image, name: 'docker/library/debian' })),
  );
}
