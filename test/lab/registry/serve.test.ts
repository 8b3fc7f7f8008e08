import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRegistryListener, type ServedImage } from '../../../lab/registry/serve.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let folder: string;
let server: Server;
const DIGEST = `sha256:${'a'.repeat(64)}`;

async function serve(images: readonly ServedImage[]): Promise<string> {
  server = createServer(createRegistryListener(images));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  folder = tempFolder();
  await writeFile(join(folder, 'manifest.json'), '{"schemaVersion":2}');
  await writeFile(join(folder, DIGEST.replace(':', '-')), 'layer');
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('says at once that it is a registry, and lets who asks for an image wait until that one is built', async () => {
  const building = Promise.withResolvers<string>();
  const url = await serve([
    { name: 'made/slow', tag: 'one', folder: building.promise },
    { name: 'made/fast', tag: 'one', folder: Promise.resolve(folder) },
  ]);
  expect((await fetch(`${url}/v2/`)).status).toBe(200);
  const early = fetch(`${url}/v2/made/slow/manifests/one`);
  expect((await fetch(`${url}/v2/made/fast/manifests/one`)).status).toBe(200);
  expect(await Promise.race([early.then(() => 'answered'), sleep(100, 'waiting')])).toBe('waiting');
  building.resolve(folder);
  expect(await (await early).text()).toBe('{"schemaVersion":2}');
  expect(await (await fetch(`${url}/v2/made/slow/blobs/${DIGEST}`)).text()).toBe('layer');
});

test('an image that could not be built is unavailable; the others are given', async () => {
  const failed = Promise.reject<string>(new Error('no mirror'));
  failed.catch(() => undefined);
  const url = await serve([
    { name: 'made/broken', tag: 'one', folder: failed },
    { name: 'made/fine', tag: 'one', folder: Promise.resolve(folder) },
  ]);
  const refused = await fetch(`${url}/v2/made/broken/manifests/one`);
  expect(refused.status).toBe(503);
  expect(await refused.text()).toContain('daemon.log');
  expect((await fetch(`${url}/v2/made/fine/manifests/one`)).status).toBe(200);
});

test('what is not on offer is unknown, and nothing is taken', async () => {
  const url = await serve([{ name: 'made/fine', tag: 'one', folder: Promise.resolve(folder) }]);
  expect((await fetch(`${url}/v2/made/other/manifests/one`)).status).toBe(404);
  expect((await fetch(`${url}/v2/made/fine/manifests/two`)).status).toBe(404);
  expect((await fetch(`${url}/v2/made/fine/blobs/sha256:${'b'.repeat(64)}`)).status).toBe(404);
  expect((await fetch(`${url}/v2/made/fine/blobs/uploads/`, { method: 'POST' })).status).toBe(405);
});
