import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Codename } from '../parts/part.ts';
import type { BaseImagePart } from './base-image.ts';
import { bootstrap, makeDisk, readPackages, shellQuote } from './bootstrap.ts';
import { dearmor } from './openpgp.ts';
import { type BaseImageInputs, BOOKWORM, type Contents, recipeDigest, ubuntuContents } from './recipe.ts';
import { DEBIAN_BOOKWORM, serialOf, UBUNTU, type UbuntuRelease } from './release.ts';

const FOLDER = import.meta.dirname;

/** Debian's release that stands for one of Ubuntu: focal and bullseye have one glibc (2.31), the others are near. */
const SUITES: Readonly<Record<Codename, string>> = { focal: 'bullseye', jammy: 'bookworm', noble: 'trixie' };

type Making = {
  readonly work: string;
  readonly contents: Contents;
  /** Script of this room, and what it gets behind the tree and the file for the list of packages. */
  readonly customize: readonly [script: string, ...more: string[]];
  readonly onProgress: (line: string) => void;
};

async function make({ work, contents, customize, onProgress }: Making): Promise<void> {
  const tree = join(work, 'tree');
  const versions = join(work, 'packages.tsv');
  const [script, ...more] = customize;
  const quoted = [versions, ...more].map(shellQuote).join(' ');
  await bootstrap(tree, contents, `${shellQuote(join(FOLDER, script))} "$1" ${quoted}`, onProgress);
  const packages = await readPackages(versions);
  await rm(versions);
  await makeDisk(work, tree, { serial: serialOf(new Date()), sizeGiB: contents.sizeGiB, packages }, onProgress);
}

/** The lab's own base image, which stands for no other. */
export const DEBIAN: BaseImagePart = {
  name: `base-${DEBIAN_BOOKWORM.name}`,
  release: DEBIAN_BOOKWORM,
  substitution: {
    component: 'base image',
    source: "the lab's own, of Debian 12's packages",
    reason: "Debian's image is published on AWS only",
  },
  digest: () => recipeDigest(BOOKWORM),
  build: ({ folder, onProgress }) =>
    make({ work: folder, contents: BOOKWORM, customize: ['customize.sh'], onProgress }),
};

/** Pure: os-release(5) of the real one. */
export function osRelease({ codename, version, longVersion }: UbuntuRelease): string {
  const point = longVersion.replace(/ \(.*/, '');
  return [
    `PRETTY_NAME="Ubuntu ${point}"`,
    'NAME="Ubuntu"',
    `VERSION_ID="${version}"`,
    `VERSION="${longVersion}"`,
    `VERSION_CODENAME=${codename}`,
    'ID=ubuntu',
    'ID_LIKE=debian',
    'HOME_URL="https://www.ubuntu.com/"',
    'SUPPORT_URL="https://help.ubuntu.com/"',
    'BUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"',
    'PRIVACY_POLICY_URL="https://www.ubuntu.com/legal/terms-and-policies/privacy-policy"',
    `UBUNTU_CODENAME=${codename}`,
    `VARIANT="stand-in of the lab, of Debian ${SUITES[codename]}"`,
    'VARIANT_ID=lab-stand-in',
    '',
  ].join('\n');
}

/** Pure: /etc/lsb-release of the real one, which lsb_release reads. */
export function lsbRelease({ codename, version, longVersion }: UbuntuRelease): string {
  return [
    'DISTRIB_ID=Ubuntu',
    `DISTRIB_RELEASE=${version}`,
    `DISTRIB_CODENAME=${codename}`,
    `DISTRIB_DESCRIPTION="Ubuntu ${longVersion.replace(/ \(.*/, '')}"`,
    '',
  ].join('\n');
}

/**
 * Pure: a template of apt's sources, which cloud-init fills in at the first boot: only then is the region known. As in
 * the release's own, but for what the lab's archive has not: restricted, multiverse, backports.
 */
export function aptSources({ codename }: UbuntuRelease): string {
  if (codename !== 'noble')
    return [
      'deb $MIRROR $RELEASE main universe',
      'deb $MIRROR $RELEASE-updates main universe',
      'deb $SECURITY $RELEASE-security main universe',
      '',
    ].join('\n');
  const stanza = (uris: string, suites: string): string =>
    [
      'Types: deb',
      `URIs: ${uris}`,
      `Suites: ${suites}`,
      'Components: main universe',
      'Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg',
      '',
    ].join('\n');
  return [stanza('$MIRROR', '$RELEASE $RELEASE-updates'), stanza('$SECURITY', '$RELEASE-security')].join('\n');
}

/**
 * Pure: YAML of cloud-init's configuration; JSON is YAML, too. Debian's own, as of bullseye, says the contrary in the
 * form of before, and cloud-init wants both to agree.
 */
export function sourcesConfig(release: UbuntuRelease): string {
  const before = SUITES[release.codename] === 'bullseye' ? { apt_preserve_sources_list: false } : {};
  const apt = { preserve_sources_list: false, sources_list: aptSources(release) };
  return `${JSON.stringify({ apt, ...before }, null, 2)}\n`;
}

/** What differs from image to image, for ubuntu/customize.sh: files of the tree, and packages. */
async function writeOverlay(folder: string, release: UbuntuRelease, inputs: BaseImageInputs): Promise<void> {
  const archiveKey = dearmor(inputs.archiveKey);
  const files: Readonly<Record<string, string | Buffer>> = {
    'files/usr/lib/os-release': osRelease(release),
    'files/etc/lsb-release': lsbRelease(release),
    'files/etc/cloud/cloud.cfg.d/91-lab-sources.cfg': sourcesConfig(release),
    'files/usr/local/share/ca-certificates/ecs-host-lab.crt': inputs.authorityPem,
    // By these two names the sources of Ubuntu's releases trust its archive.
    'files/usr/share/keyrings/ubuntu-archive-keyring.gpg': archiveKey,
    'files/etc/apt/trusted.gpg.d/ubuntu-keyring-2018-archive.gpg': archiveKey,
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  await mkdir(join(folder, 'debs'));
  for (const deb of inputs.kernelDebs) await copyFile(deb, join(folder, 'debs', basename(deb)));
}

/** The stand-in for Canonical's image of a release (README.md beside this). */
export function ubuntuStandIn(codename: Codename, inputs: BaseImageInputs): BaseImagePart {
  const release = UBUNTU[codename];
  const contents = ubuntuContents(SUITES[codename]);
  const { authorityPem, archiveKey, kernelDebs } = inputs;
  return {
    name: `base-${release.name}`,
    release,
    substitution: {
      component: 'base image',
      source: `the lab's stand-in for ${release.title}, of Debian ${SUITES[codename]}'s packages`,
      reason: "Canonical's image was not asked for, or its host does not answer",
    },
    digest: () =>
      recipeDigest(contents, ['customize.sh', 'rootfs', 'ubuntu'], {
        texts: [osRelease(release), lsbRelease(release), sourcesConfig(release), authorityPem, archiveKey],
        files: kernelDebs,
      }),
    build: async ({ folder, onProgress }) => {
      const overlay = join(folder, 'overlay');
      await writeOverlay(overlay, release, inputs);
      await make({ work: folder, contents, customize: ['ubuntu/customize.sh', overlay], onProgress });
      await rm(overlay, { recursive: true });
    },
  };
}
