import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Part, PartBuild } from '../../../lab/parts/part.ts';

type Contents = { readonly version: string; readonly write: (folder: string) => Promise<readonly string[]> };

/** A package that holds one file of its own. @returns its file's name */
async function makeDeb(folder: string, name: string, version: string, depends = ''): Promise<string> {
  const tree = join(folder, `${name}.tree`);
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await mkdir(join(tree, 'usr/share/lab-test'), { recursive: true });
  await writeFile(join(tree, 'usr/share/lab-test', name), `${version}\n`);
  const fields = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: amd64',
    'Maintainer: Test <test@example.com>',
    ...(depends === '' ? [] : [`Depends: ${depends}`]),
    'Description: a small package',
  ];
  await writeFile(join(tree, 'DEBIAN/control'), `${fields.join('\n')}\n`);
  const file = `${name}_${version.replace(/^\d+:/, '')}_amd64.deb`;
  await execa('dpkg-deb', ['--build', '--root-owner-group', tree, join(folder, file)]);
  return file;
}

function part(name: string, { version, write }: Contents): Part {
  return {
    name,
    substitution: { component: name, source: `a small ${name}`, reason: 'the official one is not here' },
    digest: async () => 'small',
    build: async ({ folder }: PartBuild) => {
      const names = await write(folder);
      const files = await Promise.all(
        names.map(async (each) => ({
          name: each,
          sha256: createHash('sha256')
            .update(await readFile(join(folder, each)))
            .digest('hex'),
        })),
      );
      await writeFile(join(folder, 'part.json'), JSON.stringify({ version, files }));
    },
  };
}

function ofText(file: string, text: string): Contents['write'] {
  return async (folder) => {
    await writeFile(join(folder, file), text);
    return [file];
  };
}

/** In its vendor's layout. */
async function makeNodeArchive(folder: string): Promise<readonly string[]> {
  const name = 'node-v24.0.1-linux-x64';
  await mkdir(join(folder, name, 'bin'), { recursive: true });
  await writeFile(join(folder, name, 'bin', 'node'), 'a node\n');
  await execa('tar', ['--create', '--gzip', '--file', join(folder, `${name}.tar.gz`), '--directory', folder, name]);
  return [`${name}.tar.gz`];
}

/** Parts under the names that the lab's have, with files that take no time to make. */
export const SMALL_PARTS: readonly Part[] = [
  part('docker-ce-focal', {
    version: '5:28.1.1-1~ubuntu.20.04~focal',
    write: async (folder) => [
      await makeDeb(folder, 'docker-ce', '5:28.1.1-1~ubuntu.20.04~focal', 'containerd.io'),
      await makeDeb(folder, 'containerd.io', '1.7.27-1'),
    ],
  }),
  part('nvidia-container-toolkit', {
    version: '1.20.0-1',
    write: async (folder) => [await makeDeb(folder, 'nvidia-container-toolkit', '1.20.0-1')],
  }),
  part('nvidia-driver-580.178.04', {
    version: '580.178.04',
    write: ofText('NVIDIA-Linux-x86_64-580.178.04.run', '#!/bin/sh\n'),
  }),
  part('amazon-ecs-init', {
    version: '1.108.0-1',
    write: ofText('amazon-ecs-init-1.108.0-1.amd64.deb', 'an agent\n'),
  }),
  part('aws-cli', { version: '2.31.0', write: ofText('awscli-exe-linux-x86_64-2.31.0.zip', 'a zip\n') }),
  part('nodejs', { version: '24.0.1', write: makeNodeArchive }),
  part('kernel-focal', {
    version: '5.15.0-1084-aws',
    write: async (folder) => [await makeDeb(folder, 'linux-headers-5.15.0-1084-aws', '5.15.0-1084.91~20.04.1')],
  }),
];

/** Of Debian, for an archive that stands for its own. */
export const DEBIAN_PART = part('debian', {
  version: '11',
  write: async (folder) => [await makeDeb(folder, 'docker.io', '20.10.5+dfsg1-1')],
});
