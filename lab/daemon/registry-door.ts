import { createServer, type RequestListener } from 'node:http';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { ensureImage } from '../registry/build-image.ts';
import { IMAGE_RECIPES } from '../registry/recipes.ts';
import { createRegistryListener } from '../registry/serve.ts';
import type { Door } from './doors.ts';
import { httpDoor } from './doors.ts';

/**
 * The registry for container base images. The very first start has to build them, which takes longer than everything else and is
 * needed by nobody before a container is built: so it goes on beside the running lab, and who pulls early waits for it.
 */
export const registryDoor = (cache: string, log: (line: string) => void): Door => {
  const ready = (async (): Promise<RequestListener> => {
    const images = [];
    // One after the other: they would share two processors with the machines.
    for (const recipe of IMAGE_RECIPES) {
      images.push({
        name: recipe.name,
        tag: recipe.tag,
        folder: await ensureImage(cache, recipe, (line) => log(`registry: ${line}`)),
      });
    }
    return createRegistryListener(images);
  })();
  ready.catch((error: unknown) => log(`registry: FAILED: ${error instanceof Error ? error.message : String(error)}`));
  const server = createServer((request, response) => {
    ready.then(
      (listener) => listener(request, response),
      () => {
        response.writeHead(503, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({
            errors: [{ code: 'UNAVAILABLE', message: 'the images could not be built; see daemon.log' }],
          }),
        );
      },
    );
  });
  return httpDoor('registry', SERVICE_ADDRESS, 5000, server);
};
