import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../exec.ts';
import { buildDeb, rewrite } from '../debian/build-deb.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import { fetchDebianPackages, upstreamVersion } from '../debian/fetch-packages.ts';
import { LIBC_FOLDER, LOADER, loaderWithOwnFolder, programWithOwnLoader } from '../debian/own-libc.ts';
import type { Codename, Part } from '../part.ts';
import {
  controlOf,
  DEBIAN_PACKAGES,
  LIBRARIES_PACKAGE,
  needsOwnLibraries,
  packageVersions,
  SUITE,
  type Versions,
} from './packages.ts';
import { MAKE_GROUP, UNITS, unitScripts } from './units.ts';

/** Where a program of Debian's package goes in the official one. */
type Move = readonly [from: string, to: string];

const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const CONTAINERD = ['containerd', 'containerd-shim', 'containerd-shim-runc-v1', 'containerd-shim-runc-v2', 'ctr'];
const OTHER_LIBRARIES = { libcap2: 'libcap.so.2', libseccomp2: 'libseccomp.so.2', libsystemd0: 'libsystemd.so.0' };
const PLUGINS = 'usr/libexec/docker/cli-plugins';

/** Dynamic programs by package: each is started by the C library's own loader where the release has an older one. */
const PROGRAMS: Readonly<Record<string, readonly Move[]>> = {
  'docker-ce': [
    ['docker.io/usr/sbin/dockerd', 'usr/bin/dockerd'],
    ['docker.io/usr/sbin/docker-proxy', 'usr/bin/docker-proxy'],
  ],
  'docker-ce-cli': [['docker-cli/usr/bin/docker', 'usr/bin/docker']],
  'containerd.io': [
    ...CONTAINERD.map((name): Move => [`containerd/usr/bin/${name}`, `usr/bin/${name}`]),
    ['runc/usr/sbin/runc', 'usr/bin/runc'],
  ],
  'docker-buildx-plugin': [[`docker-buildx/${PLUGINS}/docker-buildx`, `${PLUGINS}/docker-buildx`]],
  'docker-compose-plugin': [[`docker-compose/${PLUGINS}/docker-compose`, `${PLUGINS}/docker-compose`]],
};

const FILES: Readonly<Record<string, readonly Move[]>> = {
  // Static: it runs inside of containers.
  'docker-ce': [['tini/usr/bin/tini-static', 'usr/libexec/docker/docker-init']],
  'docker-ce-cli': [
    ['docker-cli/usr/share/bash-completion/completions/docker', 'usr/share/bash-completion/completions/docker'],
  ],
};

/** Written anew: the official ones hold comments and nothing that is read here. */
const TEXTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docker-ce': { 'etc/default/docker': '# Not read by docker.service: use /etc/docker/daemon.json, or a drop-in.\n' },
  'containerd.io': { 'etc/containerd/config.toml': 'disabled_plugins = ["cri"]\n' },
};

const UNITS_OF: Readonly<Record<string, readonly string[]>> = {
  'docker-ce': ['docker.service', 'docker.socket'],
  'containerd.io': ['containerd.service'],
};

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** The tree of one package. */
async function layOut(name: string, from: string, tree: string, ownLibraries: boolean): Promise<void> {
  for (const [source, target] of [...(PROGRAMS[name] ?? []), ...(FILES[name] ?? [])]) {
    await mkdir(dirname(join(tree, target)), { recursive: true });
    await cp(join(from, source), join(tree, target));
  }
  if (ownLibraries)
    for (const [, target] of PROGRAMS[name] ?? []) await rewrite(join(tree, target), programWithOwnLoader);
  for (const [file, text] of Object.entries(TEXTS[name] ?? {})) await put(join(tree, file), text);
  for (const unit of UNITS_OF[name] ?? []) await put(join(tree, 'lib/systemd/system', unit), UNITS[unit] ?? '');
  if (name === 'docker-ce') await mkdir(join(tree, 'etc/docker'), { recursive: true });
}

/** What the programs load, as files: the archive's links are to names with more digits. */
async function layOutLibraries(from: string, tree: string): Promise<void> {
  const folder = join(tree, LIBC_FOLDER);
  await mkdir(folder, { recursive: true });
  const libc = join(from, 'libc6', LIBRARIES);
  for (const entry of await readdir(libc, { withFileTypes: true }))
    if (entry.isFile() && !entry.name.startsWith('ld-')) await cp(join(libc, entry.name), join(folder, entry.name));
  await cp(join(libc, 'ld-linux-x86-64.so.2'), join(tree, LOADER));
  await rewrite(join(tree, LOADER), loaderWithOwnFolder);
  for (const [name, library] of Object.entries(OTHER_LIBRARIES))
    await cp(join(from, name, LIBRARIES, library), join(folder, library), { dereference: true });
}

function scriptsOf(name: string): Readonly<Record<string, string>> {
  const units = UNITS_OF[name];
  if (units === undefined) return {};
  return unitScripts(units, name === 'docker-ce' ? MAKE_GROUP : '');
}

/** All packages of a release from Debian's, which are unpacked below `from`. Returns the names of the files. */
async function pack(codename: Codename, versions: Versions, from: string, folder: string): Promise<string[]> {
  const ownLibraries = needsOwnLibraries(codename);
  const names = [...Object.keys(PROGRAMS), ...(ownLibraries ? [LIBRARIES_PACKAGE] : [])];
  return Promise.all(
    names.map(async (name) => {
      const tree = join(from, `${name}.tree`);
      await mkdir(tree);
      await (name === LIBRARIES_PACKAGE ? layOutLibraries(from, tree) : layOut(name, from, tree, ownLibraries));
      const version = packageVersions(codename, versions)[name] ?? '';
      const file = `${name}_${version.replace(/^\d+:/, '')}_amd64.deb`;
      await buildDeb({
        tree,
        control: controlOf(name, codename, versions),
        scripts: scriptsOf(name),
        conffiles: Object.keys(TEXTS[name] ?? {}).map((path) => `/${path}`),
        out: join(folder, file),
      });
      return file;
    }),
  );
}

/**
 * Docker of Debian's archive under the names, versions, paths and units of Docker's own packages for a release of
 * Ubuntu. README.md is its spec.
 */
export function dockerCe(codename: Codename): Part {
  return {
    name: `docker-ce-${codename}`,
    substitution: {
      component: 'docker',
      source: `Docker of Debian ${SUITE} under the official package names`,
      reason: "Docker's own apt repository is not reachable from the lab",
    },
    digest: () => digestOfSources([import.meta.dirname, join(import.meta.dirname, '..', 'debian')], { codename }),
    build: async ({ folder, onProgress }) => {
      const work = await mkdtemp(join(tmpdir(), 'ecs-lab-docker-'));
      try {
        onProgress(`fetching Docker of Debian ${SUITE}`);
        const packages = await fetchDebianPackages(SUITE, DEBIAN_PACKAGES, join(work, 'archive'));
        for (const { name, file } of packages.values()) await run('dpkg-deb', ['--extract', file, join(work, name)]);
        const version = (name: string): string => packages.get(name)?.version ?? '';
        const versions: Versions = {
          docker: upstreamVersion(version('docker.io')),
          containerd: upstreamVersion(version('containerd')),
          buildx: upstreamVersion(version('docker-buildx')),
          compose: upstreamVersion(version('docker-compose')),
          libc: version('libc6'),
        };
        onProgress(`packing docker-ce ${versions.docker} for ${codename}`);
        const files = await pack(codename, versions, work, folder);
        const madeOf = Object.fromEntries([...packages.values()].map((each) => [each.name, each.version]));
        await describePart(folder, { version: packageVersions(codename, versions)['docker-ce'] ?? '', files, madeOf });
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}
