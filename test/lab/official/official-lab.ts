import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { openArchive } from '../../../lab/mirror/apt-mirror.ts';
import { indexFiles, listed, packagesOf, renderRelease } from '../../../lab/official/apt-repository.ts';
import { ensureKey, type Signer, type SigningKey, signRelease } from '../../../lab/official/archive-key.ts';
import { createOfficialHosts } from '../../../lab/official/hosts.ts';
import { Official } from '../../../lab/official/official.ts';
import { createPartFolders, type PartFolders } from '../../../lab/official/part-folders.ts';
import { UbuntuArchive } from '../../../lab/official/ubuntu-archive.ts';
import type { Part } from '../../../lab/parts/part.ts';
import { DEBIAN_PART, SMALL_PARTS } from './small-parts.ts';

const SUITES = [
  ['bullseye', 'debian'],
  ['bullseye-updates', 'debian'],
  ['bullseye-security', 'debian-security'],
] as const;

/** Two archives in the layout of Debian's below a folder, signed by a key of the test. @returns that key's keyring */
export async function makeDebian(folder: string): Promise<string> {
  const key = await ensureKey(join(folder, 'keys-of-debian'), 'docker');
  const part = await createPartFolders(
    () => DEBIAN_PART,
    folder,
    () => {},
  ).get('debian');
  if (part === null) throw new Error('no Debian');
  const name = part.files[0]?.name ?? '';
  for (const [suite, archive] of SUITES) {
    const pool = archive === 'debian' ? 'pool/main/d' : 'pool/updates/main/d';
    const index = suite.endsWith('-updates') ? '' : await packagesOf(part, (each) => `${pool}/${each}`);
    const files = await indexFiles('main/binary-amd64/Packages', index, 'xz');
    const release = renderRelease({ Origin: 'Debian', Date: 'Sat, 09 Aug 2025 09:16:30 UTC' }, files.map(listed));
    const { inRelease } = await signRelease(key, release);
    const dists = join(folder, archive, 'dists', suite);
    const placed = [{ path: 'InRelease', bytes: Buffer.from(inRelease) }, ...files].flatMap((file) => [
      file,
      { path: join(dirname(file.path), 'by-hash/SHA256', listed(file).sha256), bytes: file.bytes },
    ]);
    for (const { path, bytes } of placed) {
      await mkdir(dirname(join(dists, path)), { recursive: true });
      await writeFile(join(dists, path), bytes);
    }
    await mkdir(join(folder, archive, pool), { recursive: true });
    await cp(join(part.folder, name), join(folder, archive, pool, name));
  }
  const keyring = join(folder, 'debian.gpg');
  await execa('gpg', ['--batch', '--yes', '--output', keyring, '--dearmor', key.publicKeyFile]);
  return keyring;
}

export type OfficialLab = {
  readonly official: Official;
  readonly parts: PartFolders;
  readonly key: (signer: Signer) => Promise<SigningKey>;
  readonly said: string[];
};

/** The official hosts over small parts, and over archives of Debian at two base URLs. */
export function makeOfficial(options: {
  readonly cache: string;
  readonly debian?: { readonly keyring: string; readonly url: string };
  readonly parts?: readonly Part[];
}): OfficialLab {
  const { cache, debian = { keyring: '/nowhere', url: 'http://127.0.0.1:1' }, parts: all = SMALL_PARTS } = options;
  const said: string[] = [];
  const log = (line: string): void => void said.push(line);
  const parts = createPartFolders((name) => all.find((part) => part.name === name) ?? null, cache, log);
  const key = (signer: Signer): Promise<SigningKey> => ensureKey(cache, signer);
  const archives = {
    debian: openArchive(cache, 'debian', `${debian.url}/debian`, log),
    debianSecurity: openArchive(cache, 'debian-security', `${debian.url}/debian-security`, log),
  };
  const ubuntu = new UbuntuArchive({ archives, parts, key: () => key('ubuntu-archive'), keyring: debian.keyring });
  return { official: new Official(createOfficialHosts({ parts, key, ubuntu }), log), parts, key, said };
}
