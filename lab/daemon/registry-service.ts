import { createServer } from 'node:http';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { reasonOf } from '../reason.ts';
import { ensureImage } from '../registry/build-image.ts';
import { IMAGE_RECIPES } from '../registry/recipes.ts';
import { createRegistryListener } from '../registry/serve.ts';
import type { NamespaceService } from './namespace-services.ts';
import { httpService } from './namespace-services.ts';

/**
 * The registry for container base images. The very first start has to build them, which takes longer than everything
 * else and is needed by nobody before a container is built: so it goes on beside the running lab, and who pulls one
 * early waits for that one.
 */
export function registryService(cache: string, log: (line: string) => void): NamespaceService {
  // One after the other: they would share two processors with the machines.
  let before: Promise<unknown> = Promise.resolve();
  const images = IMAGE_RECIPES.map((recipe) => {
    const folder = before.then(() => ensureImage(cache, recipe, (line) => log(`registry: ${line}`)));
    before = folder.catch((error: unknown) => log(`registry: ${recipe.name} FAILED: ${reasonOf(error)}`));
    return { name: recipe.name, tag: recipe.tag, folder };
  });
  return httpService('registry', SERVICE_ADDRESS, 5000, createServer(createRegistryListener(images)));
}
