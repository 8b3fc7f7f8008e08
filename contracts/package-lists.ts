import { createHash } from 'node:crypto';

/** Files of /var/lib/dpkg/info, and what dpkg's status says of a package's configuration files. */
export type PackageLists = {
  /** By the name of the file (`git.md5sums`). */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Its version and lines of `Conffiles`, as they stand there. */
  readonly conffiles: string;
};

/** Pure: sha256, hexadecimal. Whoever changes a file of a package, and its checksum with it, changes this. */
export function packageListsDigest({ files, conffiles }: PackageLists): string {
  const hash = createHash('sha256');
  for (const name of [...files.keys()].sort())
    hash
      .update(`${name}\0`)
      .update(files.get(name) ?? '')
      .update('\0');
  return hash.update(conffiles.trim()).digest('hex');
}

/** Pure: the package that a file of /var/lib/dpkg/info is of, with its architecture where dpkg names files so. */
export function packageOfList(name: string): string | null {
  return /^(.+)\.[a-z0-9]+$/.exec(name)?.[1] ?? null;
}

/** Pure: by package as `packageOfList` has it, without an architecture, from the text of /var/lib/dpkg/status. */
export function conffilesByPackage(status: string): ReadonlyMap<string, string> {
  return new Map(
    status.split(/\n\n+/).map((paragraph) => {
      const name = /^Package: (.+)$/m.exec(paragraph)?.[1] ?? '';
      const version = /^Version: (.+)$/m.exec(paragraph)?.[1] ?? '';
      const conffiles = /^Conffiles:[ \t]*\n((?: .*\n?)*)/m.exec(paragraph)?.[1] ?? '';
      return [name, `${version}\n${conffiles}`] as const;
    }),
  );
}

/** Pure: a digest for each package that has files. */
export function packageDigests(
  files: ReadonlyMap<string, Uint8Array>,
  status: string,
): Readonly<Record<string, string>> {
  const conffiles = conffilesByPackage(status);
  const byPackage = new Map<string, Map<string, Uint8Array>>();
  for (const [name, content] of files) {
    const owner = packageOfList(name);
    if (owner === null) continue;
    const mine = byPackage.get(owner) ?? new Map<string, Uint8Array>();
    byPackage.set(owner, mine.set(name, content));
  }
  return Object.fromEntries(
    [...byPackage].map(([owner, mine]) => {
      const own = conffiles.get(owner.replace(/:[a-z0-9]+$/, '')) ?? '';
      return [owner, packageListsDigest({ files: mine, conffiles: own })];
    }),
  );
}
