import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishFolder } from '../../lab/git/publish.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { SEEN_BOOTED } from './alterations.ts';
import { bakeImage } from './booted-host.ts';
import { changedImage, failedIds } from './changed-image.ts';
import { type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events } from './support.ts';

/** Defects that a host at work shows: what a careless bake leaves, a workload that streams nothing to look at. */
let lab: LabHandle;
let imageId: string;

beforeAll(async () => {
  lab = await startLabForTests();
  ({ imageId } = await bakeImage(lab));
});
afterAll(async () => {
  await lab?.down();
});

/** Publishes a variant of the example whose pattern is black, beside the lab's own repositories. */
async function publishBlackStream(): Promise<void> {
  const protocol = join(await lab.newFolder(), 'protocol');
  await cp(join(projectFolder(), 'examples', 'container-images', 'base', 'protocol'), protocol, { recursive: true });
  const pattern = join(protocol, 'src', 'pattern.c');
  const text = await readFile(pattern, 'utf8');
  const black = text
    .replace(/return \(uint8_t\)\(LUMA_BLACK \+[^;]*;/, 'return LUMA_BLACK;')
    .replace('return 235;', 'return LUMA_BLACK;')
    .replace('#define LUMA_RANGE 200\n', '');
  if (black === text) throw new Error('the pattern did not become black');
  await writeFile(pattern, black);
  const git = join(lab.stateFolder, 'lab', 'git');
  const commit = await publishFolder({ source: protocol, target: join(git, 'protocol-black.git') });
  await publishFolder({
    source: join(projectFolder(), 'examples', 'container-images'),
    target: join(git, 'container-images-black.git'),
    submodules: [{ path: 'base/protocol', url: '../protocol-black.git', commit }],
  });
}

test('what a careless bake leaves is named by the checks of a booted host', async () => {
  const after = SEEN_BOOTED.map(({ line }) => line).join('\n');
  const changed = await changedImage(lab, { name: 'careless', before: '', after, imageId });
  const run = await cli(['smoke', changed, '--only', 'gate,verify', '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(4);
  const checks = SEEN_BOOTED.map(({ check }) => check);
  expect(failedIds(events(run)), run.all).toEqual(expect.arrayContaining(checks));
  for (const check of checks) expect(run.stderr).toContain(check);
});

test('a container that streams black fails stream.not-black, and the rest passes', async () => {
  // One without a record: that of a bake would bring the workload that it was baked for.
  const clone = await changedImage(lab, { name: 'clone', before: '', after: '', imageId });
  await publishBlackStream();
  const config = await lab.configWith((text) =>
    text.replace('/git/container-images.git', '/git/container-images-black.git'),
  );
  const args = ['smoke', clone, '--config', config, '--only', 'gate,verify,workload', '--json'];
  const run = await cli(args, lab.environment);
  expect(run.exitCode, run.all).toBe(4);
  expect(failedIds(events(run)).sort(), run.all).toEqual(['stream.changes', 'stream.not-black']);
});
