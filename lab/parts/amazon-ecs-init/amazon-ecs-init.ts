import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDeb } from '../debian/build-deb.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import type { Part } from '../part.ts';
import { buildAgentImage, bundle, foreignParts } from './agent-image.ts';
import { ECS_INIT_VERSION } from './init/version.ts';

const PACKAGE_VERSION = `${ECS_INIT_VERSION}-1`;
export const PACKAGE_FILE = `amazon-ecs-init-${PACKAGE_VERSION}.amd64.deb`;

/** Fields of Amazon's control file, with the maintainer and the description of the stand-in. */
export const CONTROL = {
  Package: 'amazon-ecs-init',
  Version: PACKAGE_VERSION,
  Architecture: 'amd64',
  Maintainer: 'ecs-host-setup developers <ecs-host-setup@example.invalid>',
  Depends: 'systemd, docker-ce (>= 17.12.0) | docker-engine (>= 1.6.0) | docker-ee | docker.io',
  Section: 'misc',
  Priority: 'optional',
  Homepage: 'https://aws.amazon.com/ecs',
  Description: `Starts the lab's stand-in for the Amazon ECS Agent
 In the layout of Amazon's package, made by the lab of ecs-host-setup. It registers
 an instance of the lab as a container instance. For machines of the lab only.`,
} as const;

/** Folders that Amazon's package brings empty. */
export const FOLDERS = ['etc/ecs', 'var/log/ecs', 'var/lib/ecs/data', 'var/cache/ecs', 'usr/libexec'] as const;

const VOLUME_PLUGIN = `#!/bin/sh
echo 'the lab has no volume plugin of Amazon ECS' >&2
exit 1
`;

const HERE = import.meta.dirname;
const AGENT = join(HERE, '..', '..', 'ecs-agent');

async function layOut(tree: string, work: string): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(tree, folder), { recursive: true });
  const units = join('lib', 'systemd', 'system');
  await cp(join(AGENT, 'package', units), join(tree, units), { recursive: true });
  const program = join(tree, 'usr/libexec/amazon-ecs-init');
  await bundle(join(HERE, 'init', 'main.ts'), program, 'cjs', '#!/opt/ecs-host/bin/node');
  await chmod(program, 0o755);
  await writeFile(join(tree, 'usr/libexec/amazon-ecs-volume-plugin'), VOLUME_PLUGIN, { mode: 0o755 });
  const cache = join(tree, 'var/cache/ecs');
  const image = `ecs-agent-v${PACKAGE_VERSION}.tar`;
  await buildAgentImage(work, join(cache, image));
  // 2: to be loaded whatever is loaded, since the package has just been installed.
  await writeFile(join(cache, 'state'), '2\n');
  await symlink(`/var/cache/ecs/${image}`, join(cache, 'ecs-agent.tar'));
  const doc = join(tree, 'usr/share/doc/amazon-ecs-init');
  await mkdir(doc, { recursive: true });
  await cp(join(HERE, 'README.md'), join(doc, 'README.md'));
}

/**
 * The lab's agent in a package of the name and layout of Amazon's, started in a container as ecs-init starts it.
 * README.md is its spec.
 */
export const amazonEcsInit: Part = {
  name: 'amazon-ecs-init',
  substitution: {
    component: 'ecs-agent',
    source: "the lab's stand-in ECS agent in the layout of Amazon's package",
    reason: "Amazon's package is not reachable from the lab; the stand-in speaks the same wire",
  },
  digest: async () => {
    const lock = await readFile(join(HERE, '..', '..', '..', 'package-lock.json'), 'utf8');
    return digestOfSources([HERE, join(HERE, '..', 'debian'), AGENT], [lock, await foreignParts()]);
  },
  build: async ({ folder, onProgress }) => {
    const work = await mkdtemp(join(tmpdir(), 'ecs-lab-init-'));
    try {
      onProgress(`packing amazon-ecs-init ${PACKAGE_VERSION}`);
      const tree = join(work, 'tree');
      const image = join(work, 'image');
      await mkdir(image);
      await layOut(tree, image);
      await buildDeb({ tree, control: CONTROL, out: join(folder, PACKAGE_FILE) });
      await describePart(folder, { version: PACKAGE_VERSION, files: [PACKAGE_FILE] });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};
