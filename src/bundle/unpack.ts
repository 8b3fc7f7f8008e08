import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { execa } from 'execa';
import { userError } from '../io/errors.ts';
import { type Bundle, filesBelow, hashed, NODE_FILE } from './bundle.ts';

/** What `render` adds for the machine that is baked; it says the plan again and is written anew. */
const WRITTEN_FOR_THE_TARGET = ['target.json', 'plan-summary.json'];

/**
 * A bundle that `render` packed, as it was before.
 *
 * @throws EcsHostError (user) `BUNDLE_UNREADABLE`
 */
export async function unpackBundle(file: string, folder: string, nodeVersion: string): Promise<Bundle> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const result = await execa('tar', ['--extract', '--file', file, '--directory', folder], { reject: false, all: true });
  if (result.exitCode !== 0)
    throw userError('BUNDLE_UNREADABLE', `${file} cannot be unpacked: ${result.all.trim().split('\n')[0]}.`, RENDER);
  await Promise.all(WRITTEN_FOR_THE_TARGET.map((name) => rm(join(folder, name), { force: true })));
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(folder, NODE_FILE)), createGunzip(), hash).catch((error: Error) => {
    throw userError('BUNDLE_UNREADABLE', `${file} holds no Node: ${error.message}.`, RENDER);
  });
  const paths = (await filesBelow(folder)).filter((path) => path !== NODE_FILE);
  return {
    folder,
    files: await Promise.all(paths.map((path) => hashed(folder, path))),
    node: { version: nodeVersion, sha256: hash.digest('hex') },
  };
}

const RENDER = 'write it again with `ecs-host render`, or remove it: then it is built from the checkout';
