import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { run } from '../../exec.ts';
import { sha256OfFile } from '../debian/describe.ts';
import { fetchDebianPackages } from '../debian/fetch-packages.ts';
import { nodeBinary } from '../nodejs/nodejs.ts';
import { IMAGE } from './init/paths.ts';

/**
 * Libraries that Node loads, of the newest Debian in the lab. The loader is told where they are: ecs-init puts the
 * host's /lib and /usr/lib over those of the container, and the agent has to run with whatever is there.
 */
const SUITE = 'trixie';
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  libc6: ['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0', 'libresolv.so.2'],
  'libgcc-s1': ['libgcc_s.so.1'],
  'libstdc++6': ['libstdc++.so.6'],
};
const LOADER = 'ld-linux-x86-64.so.2';
const FOLDER = '/opt/agent';
const AGENT = [
  `${FOLDER}/${LOADER}`,
  '--library-path',
  FOLDER,
  `${FOLDER}/node`,
  '--use-openssl-ca',
  `${FOLDER}/agent.mjs`,
];

/** Bundles a program of the lab into one file. */
export async function bundle(input: string, file: string, format: 'esm' | 'cjs', banner = ''): Promise<void> {
  const build = await rolldown({
    input,
    platform: 'node',
    logLevel: 'warn',
    external: ['bufferutil', 'utf-8-validate'],
  });
  await build.write({ file, format, banner, codeSplitting: false });
  await build.close();
}

async function layOut(root: string, work: string): Promise<void> {
  const folder = join(root, FOLDER);
  for (const needed of [folder, join(root, 'run'), join(root, 'var'), join(root, 'tmp')])
    await mkdir(needed, { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  // ecs-init mounts the host's /var/run there; a Docker socket is asked for below /run, too.
  await symlink('../run', join(root, 'var', 'run'));
  const packages = await fetchDebianPackages(SUITE, Object.keys(LIBRARIES), join(work, 'archive'));
  for (const [name, libraries] of Object.entries(LIBRARIES)) {
    const from = join(work, name);
    await run('dpkg-deb', ['--extract', packages.get(name)?.file ?? '', from]);
    for (const library of [...libraries, ...(name === 'libc6' ? [LOADER] : [])])
      await cp(join(from, 'usr/lib/x86_64-linux-gnu', library), join(folder, library), { dereference: true });
  }
  await cp(nodeBinary(), join(folder, 'node'));
  await bundle(join(import.meta.dirname, '..', '..', 'ecs-agent', 'container.ts'), join(folder, 'agent.mjs'), 'esm');
}

function tar(folder: string, out: string, names: readonly string[]): Promise<string> {
  const plain = ['--format=gnu', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  return run('tar', [...plain, '--directory', folder, '--create', '--file', out, ...names]);
}

/** Pure: what Docker has to know of the image. As Amazon's: the same entry point, health check and ports. */
export function imageConfig(layer: string): Readonly<Record<string, unknown>> {
  return {
    architecture: 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Entrypoint: AGENT,
      Healthcheck: { Test: ['CMD', ...AGENT, '--healthcheck'] },
      Env: [
        'PATH=/host/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        // Where Go looks by itself. The single certificates in SSL_CERT_DIR are links out of what ecs-init mounts.
        'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
      ],
      ExposedPorts: { '51678/tcp': {}, '51679/tcp': {} },
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: "the lab's stand-in agent" }],
  };
}

/**
 * The agent's image in the form that `docker load` reads, the same bytes for the same Node, libraries and agent.
 *
 * @param work an empty folder for what is in between
 */
export async function buildAgentImage(work: string, out: string): Promise<void> {
  const root = join(work, 'root');
  await layOut(root, work);
  await run('chmod', ['-R', 'u=rwX,go=rX', join(root, FOLDER)]);
  const image = join(work, 'image');
  await mkdir(image);
  const packed = join(work, 'layer.tar');
  await tar(root, packed, ['opt', 'run', 'tmp', 'var']);
  const layer = await sha256OfFile(packed);
  await mkdir(join(image, layer));
  await rename(packed, join(image, layer, 'layer.tar'));
  const config = JSON.stringify(imageConfig(layer));
  const Config = `${createHash('sha256').update(config).digest('hex')}.json`;
  await writeFile(join(image, Config), config);
  const manifest = [{ Config, RepoTags: [IMAGE], Layers: [`${layer}/layer.tar`] }];
  await writeFile(join(image, 'manifest.json'), JSON.stringify(manifest));
  await tar(image, out, ['manifest.json', Config, layer]);
}

/** What of the image is in no source file of the lab. */
export async function foreignParts(): Promise<readonly string[]> {
  const lock = join(dirname(nodeBinary()), '..', 'package.json');
  return [SUITE, await readFile(lock, 'utf8')];
}
