import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Archives } from '../mirror/apt-mirror.ts';
import type { MirrorCache } from '../mirror/cache.ts';
import type { Codename } from '../parts/part.ts';
import { indexFiles, type ListedFile, listed, packagesOf, releaseFile, renderRelease } from './apt-repository.ts';
import { type SignedText, type SigningKey, signRelease } from './archive-key.ts';
import { fileOf, type PartFolders } from './part-folders.ts';
import { file, fromMirror, missing, type Served, text } from './served.ts';

/** Which release of Debian an Ubuntu of the lab is made of, and what Ubuntu calls its own. */
export const RELEASES: Readonly<Record<Codename, { readonly debian: string; readonly version: string }>> = {
  focal: { debian: 'bullseye', version: '20.04' },
  jammy: { debian: 'bookworm', version: '22.04' },
  noble: { debian: 'trixie', version: '24.04' },
};

export function isCodename(name: string): name is Codename {
  return Object.hasOwn(RELEASES, name);
}

type Suite = { readonly codename: Codename; readonly pocket: '' | '-updates' | '-security' };

/** `focal-updates` and the like; null of what the lab has no stand-in of. */
function suiteOf(name: string): Suite | null {
  const [, codename = '', pocket = ''] = /^([a-z]+)(-updates|-security)?$/.exec(name) ?? [];
  return isCodename(codename) ? { codename, pocket: pocket as Suite['pocket'] } : null;
}

/** The lab's own packages; the release itself has them, and its updates none. */
const OWN_INDEX = 'main/binary-amd64/Packages';
/** Debian's packages, all of which Debian calls main: Ubuntu has Docker and the AWS CLI here. */
const DEBIAN_INDEX = 'universe/binary-amd64/Packages';
const IN_DEBIAN = 'main/binary-amd64/Packages';

/** Pure: what Debian's release says of its index, under the name that it has here. */
export function debianIndexes(release: string): readonly ListedFile[] {
  const hashes = release.slice(release.indexOf('\nSHA256:'));
  return ['', '.xz'].map((ending) => {
    const line = hashes.split('\n').find((each) => each.endsWith(` ${IN_DEBIAN}${ending}`)) ?? '';
    const [, sha256, size] = /^ ([0-9a-f]{64}) +(\d+) /.exec(line) ?? [];
    if (sha256 === undefined) throw new Error(`Debian's release does not list ${IN_DEBIAN}${ending}`);
    return { path: `${DEBIAN_INDEX}${ending}`, sha256, size: Number(size) };
  });
}

/**
 * The text of a release that one of Debian's keys signed. Releases are signed by several; a machine may know only some.
 *
 * @throws Error when none of them did
 */
export async function verifiedRelease(inRelease: Uint8Array, keyring: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-release-'));
  try {
    const [signed, release] = [join(folder, 'InRelease'), join(folder, 'Release')];
    await writeFile(signed, inRelease);
    const args = ['--keyring', keyring, '--status-fd', '1', '--output', release, signed];
    const { stdout, stderr } = await execa('gpgv', args, { reject: false });
    if (/^\[GNUPG:\] BADSIG /m.test(stdout) || !/^\[GNUPG:\] VALIDSIG /m.test(stdout))
      throw new Error(`Debian's release is not signed by a key in ${keyring}: ${stderr.split('\n').at(-1)}`);
    return await readFile(release, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function contentOf(cache: MirrorCache, path: string): Promise<Buffer> {
  const answer = await cache.get(path);
  if (answer.status !== 200) throw new Error(`the mirror has no ${path}: ${answer.reason}`);
  return Buffer.concat(await (await answer.body()).toArray());
}

type Composed = { readonly inRelease: Buffer; readonly signed: SignedText };

export type UbuntuArchiveOptions = {
  readonly archives: Archives;
  readonly parts: PartFolders;
  readonly key: () => Promise<SigningKey>;
  /** Of Debian's archive. */
  readonly keyring?: string;
};

/**
 * Ubuntu's archive, composed of Debian's real packages and the lab's own. Debian's index is passed on byte for byte, so
 * nothing is unpacked or packed anew: the release names its hash, after Debian's own signature over it held.
 */
export class UbuntuArchive {
  readonly #archives: Archives;
  readonly #parts: PartFolders;
  readonly #key: () => Promise<SigningKey>;
  readonly #keyring: string;
  readonly #composed = new Map<string, Promise<Composed>>();
  /** Indexes of ours by their hash; few and small, so that none that was ever listed is gone. */
  readonly #own = new Map<string, Uint8Array>();

  constructor({
    archives,
    parts,
    key,
    keyring = '/usr/share/keyrings/debian-archive-keyring.gpg',
  }: UbuntuArchiveOptions) {
    this.#archives = archives;
    this.#parts = parts;
    this.#key = key;
    this.#keyring = keyring;
  }

  /** @param path below `/ubuntu/` */
  async get(path: string): Promise<Served> {
    const [, suiteName = '', rest = ''] = /^dists\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (suiteName !== '') {
      const suite = suiteOf(suiteName);
      return suite === null ? missing(`the lab has no suite ${suiteName}`) : this.#inSuite(suite, rest);
    }
    const [, codename = '', deb = ''] = /^pool\/lab\/([a-z]+)\/([^/]+)$/.exec(path) ?? [];
    if (deb !== '') return this.#ownPackage(codename, deb);
    const { debian, debianSecurity } = this.#archives;
    if (path.startsWith('pool/updates/')) return fromMirror(await debianSecurity.get(path));
    if (path.startsWith('pool/')) return fromMirror(await debian.get(path));
    return missing('not a path of an archive');
  }

  async #ownPackage(codename: string, deb: string): Promise<Served> {
    const part = await this.#parts.get(`kernel-${codename}`);
    const found = part === null ? null : fileOf(part, deb);
    return found === null ? missing(`the lab has no package ${deb}`) : file(found);
  }

  /** @param path below the suite's folder */
  async #inSuite(suite: Suite, path: string): Promise<Served> {
    const [, component = '', hash = ''] = /^(\w+)\/binary-amd64\/by-hash\/SHA256\/([0-9a-f]{64})$/.exec(path) ?? [];
    if (component === 'main') {
      await this.#compose(suite);
      const bytes = this.#own.get(hash);
      return bytes === undefined ? missing('no index has this hash') : { kind: 'bytes', bytes };
    }
    const { archive, release } = this.#debian(suite);
    if (component === 'universe')
      return fromMirror(await archive.get(`${release}/main/binary-amd64/by-hash/SHA256/${hash}`));
    if (path === `${DEBIAN_INDEX}.xz`) return fromMirror(await archive.get(`${release}/${IN_DEBIAN}.xz`));
    const { signed } = await this.#compose(suite);
    const found = releaseFile(signed, path);
    return found === null ? missing(`the release of the lab does not list ${path}`) : text(found);
  }

  #debian({ codename, pocket }: Suite): { readonly archive: MirrorCache; readonly release: string } {
    const { debian, debianSecurity } = this.#archives;
    const archive = pocket === '-security' ? debianSecurity : debian;
    return { archive, release: `dists/${RELEASES[codename].debian}${pocket}` };
  }

  /** The release as it is now; signed anew only when Debian's is another one. */
  async #compose(suite: Suite): Promise<Composed> {
    const name = `${suite.codename}${suite.pocket}`;
    const { archive, release } = this.#debian(suite);
    const inRelease = await contentOf(archive, `${release}/InRelease`);
    const before = this.#composed.get(name);
    if (before !== undefined && (await before.catch(() => null))?.inRelease.equals(inRelease)) return before;
    const composed = this.#sign(suite, inRelease).then((signed) => ({ inRelease, signed }));
    this.#composed.set(name, composed);
    return composed;
  }

  async #sign(suite: Suite, inRelease: Buffer): Promise<SignedText> {
    const { codename, pocket } = suite;
    const { debian, version } = RELEASES[codename];
    const release = await verifiedRelease(inRelease, this.#keyring);
    const part = pocket === '' ? await this.#parts.get(`kernel-${codename}`) : null;
    const index = part === null ? '' : await packagesOf(part, (deb) => `pool/lab/${codename}/${deb}`);
    const own = await indexFiles(OWN_INDEX, index, 'xz');
    for (const each of own) this.#own.set(listed(each).sha256, each.bytes);
    const fields = {
      Origin: 'Ubuntu',
      Label: 'Ubuntu',
      Suite: `${codename}${pocket}`,
      Version: version,
      Codename: codename,
      // Debian's own: an archive that is only signed anew is no newer.
      Date: /^Date: (.+)$/m.exec(release)?.[1] ?? new Date().toUTCString(),
      Architectures: 'amd64',
      Components: 'main universe',
      Description: `Ubuntu ${version} of the ecs-host lab, made of Debian ${debian}`,
      'Acquire-By-Hash': 'yes',
    };
    return signRelease(await this.#key(), renderRelease(fields, [...own.map(listed), ...debianIndexes(release)]));
  }
}
