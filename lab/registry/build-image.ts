import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { run } from '../exec.ts';
import { withLock } from '../lock.ts';
import { readAptMirrors } from '../mirror/apt-sources.ts';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { type ImageRecipe, recipeDigest } from './recipes.ts';

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
const LAYER_TYPE = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

export const IMAGE_MANIFEST_TYPE = MANIFEST_TYPE;

/** Where an image lies when it is finished: `manifest.json` and a file for each blob, named by its hash. */
export function imageFolder(cache: string, recipe: ImageRecipe): string {
  return join(cache, 'registry', recipeDigest(recipe));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function blobFile(folder: string, digest: string): string {
  return join(folder, digest.replace(':', '-'));
}

/** Hashes what passes. */
function hashing(): { stream: Transform; digest: () => string; bytes: () => number } {
  const hash = createHash('sha256');
  let count = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      count += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, digest: () => `sha256:${hash.digest('hex')}`, bytes: () => count };
}

/**
 * What packages bring to read is left out; as a filter of mmdebstrap's own (`path-exclude` from the start) each package
 * would go through a Python program. Nothing has to outlive a crash of this machine (`force-unsafe-io`).
 */
const UNREAD = ['/usr/share/doc', '/usr/share/man', '/usr/share/locale'];
const DPKG_OPTIONS = ['force-unsafe-io', ...UNREAD.map((folder) => `path-exclude=${folder}/*`)];
const WITHOUT_UNREAD = {
  essential: `printf '%s\\n' ${DPKG_OPTIONS.map((each) => `'${each}'`).join(' ')} > "$1"/etc/dpkg/dpkg.cfg.d/lab`,
  customize: UNREAD.map((folder) => `rm -rf "$1"${folder}/*`).join('; '),
};

async function bootstrap(recipe: ImageRecipe, tar: string, onProgress: (line: string) => void): Promise<void> {
  const { debian, debianSecurity } = await readAptMirrors();
  const inside = (suite: string, path: string): string => `deb http://${SERVICE_ADDRESS}/${path} ${suite} main`;
  const sources = [
    inside(recipe.suite, 'debian'),
    inside(`${recipe.suite}-updates`, 'debian'),
    inside(`${recipe.suite}-security`, 'debian-security'),
  ];
  await run(
    'setpriv',
    // biome-ignore format: one option a line says less.
    ['--pdeathsig=KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc',
     'mmdebstrap', '--mode=root', '--variant=minbase', '--format=tar', '--architectures=amd64',
     `--include=${recipe.packages.join(',')}`,
     `--essential-hook=${WITHOUT_UNREAD.essential}`, `--customize-hook=${WITHOUT_UNREAD.customize}`,
     // Machines have no way out: packages come from the lab's mirror, and no mirror of this machine stays in the image.
     `--customize-hook=rm -f "$1"/etc/apt/sources.list.d/*; printf '%s\\n' ${sources.map((line) => `'${line}'`).join(' ')} > "$1"/etc/apt/sources.list`,
     recipe.suite, tar,
     `deb ${debian} ${recipe.suite} main`, `deb ${debian} ${recipe.suite}-updates main`, `deb ${debianSecurity} ${recipe.suite}-security main`],
    { onLine: (line) => line.startsWith('I: ') && onProgress(line.slice(3)), env: { SOURCE_DATE_EPOCH: '0' } },
  );
}

async function build(recipe: ImageRecipe, folder: string, onProgress: (line: string) => void): Promise<void> {
  const tar = join(folder, 'rootfs.tar');
  const layer = join(folder, 'layer.tar.gz');
  await bootstrap(recipe, tar, onProgress);
  onProgress(`compressing ${recipe.name}...`);
  const plain = hashing();
  const packed = hashing();
  // The fastest level: the layer travels over a local link, and every machine unpacks it.
  await pipeline(
    createReadStream(tar),
    plain.stream,
    createGzip({ level: 1 }),
    packed.stream,
    createWriteStream(layer),
  );
  const layerDigest = packed.digest();
  await rename(layer, blobFile(folder, layerDigest));
  await rm(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['/bin/bash'] },
      rootfs: { type: 'layers', diff_ids: [plain.digest()] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: `packages of Debian ${recipe.suite}` }],
    }),
  );
  await writeFile(blobFile(folder, digestOf(config)), config);
  await writeFile(
    join(folder, 'manifest.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, size: config.length, digest: digestOf(config) },
      layers: [{ mediaType: LAYER_TYPE, size: packed.bytes(), digest: layerDigest }],
    }),
  );
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Builds an image unless it is in the cache. It appears there whole; an interrupted build is removed by the next. */
export async function ensureImage(
  cache: string,
  recipe: ImageRecipe,
  onProgress: (line: string) => void,
): Promise<string> {
  const folder = imageFolder(cache, recipe);
  if (await exists(join(folder, 'manifest.json'))) return folder;
  await mkdir(join(cache, 'registry'), { recursive: true });
  return withLock(
    join(cache, 'registry', `${recipeDigest(recipe)}.lock`),
    async () => {
      if (await exists(join(folder, 'manifest.json'))) return folder;
      const work = `${folder}.partial`;
      await rm(work, { recursive: true, force: true });
      await mkdir(work);
      try {
        onProgress(`building the container base image ${recipe.name}:${recipe.tag}`);
        await build(recipe, work, onProgress);
        await rm(folder, { recursive: true, force: true });
        await rename(work, folder);
      } catch (error) {
        await rm(work, { recursive: true, force: true });
        throw error;
      }
      return folder;
    },
    (holder) => onProgress(`waiting for process ${holder}, which is building ${recipe.name}`),
  );
}
