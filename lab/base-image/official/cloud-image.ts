import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../exec.ts';
import type { Codename } from '../../parts/part.ts';
import type { BaseImagePart } from '../base-image.ts';
import { CONFINED, makeDisk, readPackages } from '../bootstrap.ts';
import { recipeDigest, SIZE_GIB } from '../recipe.ts';
import { serialOf, UBUNTU } from '../release.ts';
import { CANONICAL, fetchTarball, findRootTarball, type Publisher } from './publisher.ts';

/** What else of this room goes into such an image: name server, sshd, the agent, snap. */
const FILES = ['official', 'rootfs', 'ubuntu/rootfs'];

/** Which build of Canonical's it is: the day in the image's name. Older images do not say. */
async function serialIn(tree: string): Promise<string | null> {
  const text = await readFile(join(tree, 'etc/cloud/build.info'), 'utf8').catch(() => '');
  return /^serial:\s*(\S+)/m.exec(text)?.[1] ?? null;
}

/**
 * Canonical's cloud image of a release, made into a disk of the lab. Asked once, and then it is that one: what is
 * published next is for the next start of the lab.
 */
export async function officialUbuntu(codename: Codename, publisher: Publisher = CANONICAL): Promise<BaseImagePart> {
  const release = UBUNTU[codename];
  const tarball = await findRootTarball(publisher, release);
  return {
    name: `base-${release.name}-official`,
    release,
    substitution: {
      component: 'base image',
      source: `Canonical's cloud image of ${release.title}, with the lab's agent for Session Manager and without snapd`,
      reason: 'the image on EC2 is on AWS only, and machines of the lab cannot mount snaps',
    },
    digest: () => recipeDigest({ tarball: tarball.sha256, sizeGiB: SIZE_GIB }, FILES),
    build: async ({ folder, onProgress }) => {
      const [file, tree, versions] = [tarball.name, 'tree', 'packages.tsv'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await fetchTarball(tarball, file, onProgress);
      onProgress('unpacking it...');
      await mkdir(tree);
      await run('tar', ['--extract', '--numeric-owner', '--xattrs', '--xattrs-include=*', '-f', file, '-C', tree]);
      await rm(file);
      onProgress('making it an image of the lab, with the kernel of EC2...');
      const [program, ...options] = CONFINED;
      await run(program, [...options, join(import.meta.dirname, 'customize.sh'), tree, versions]);
      const packages = await readPackages(versions);
      await rm(versions);
      const serial = (await serialIn(tree)) ?? serialOf(new Date());
      await makeDisk(folder, tree, { serial, sizeGiB: SIZE_GIB, packages }, onProgress);
    },
  };
}
