import type { AuditEntry, ManifestRequest, Partition } from '#contracts/audit.ts';
import { reasonOf } from '#contracts/reason.ts';
import { membersOf } from './archive/members.ts';
import type { Piece } from './bytes.ts';
import type { Place } from './disk/layout.ts';
import { Ext4 } from './ext4/file-system.ts';
import { deviceOf, type Inode } from './ext4/inode.ts';
import { type Digests, digestsOf } from './hasher.ts';
import type { Lines } from './lines.ts';
import type { Opened } from './opened.ts';
import { pathText } from './path-text.ts';
import { type Found, walk } from './walk.ts';
import type { Workers } from './workers.ts';

/** Files of these many names are hashed in the order of the disk, and kept in memory until they are. */
const BATCH = 4096;
/** What one worker gets at a time. */
const WORK_BYTES = 32 * 1024 * 1024;
const WORK_FILES = 512;
/** As a whole in memory: an initramfs is some dozens of MiB. */
const MOST_ARCHIVE_BYTES = 512 * 1024 * 1024;
const MOST_CONTENT_BYTES = 4 * 1024 * 1024;
const BEGINNING_BYTES = 4096;
/** More outside of partitions is room for them to grow, and no boot code. */
const MOST_OUTSIDE_BYTES = 64 * 1024 * 1024;

type Job = { readonly inode: number; readonly pieces: readonly Piece[] };

function placeOf({ pieces }: Job): number {
  return pieces.find(({ at }) => at !== null)?.at ?? 0;
}

function bytesOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

function* batches(found: Iterable<Found>): Generator<Found[]> {
  let batch: Found[] = [];
  for (const each of found) {
    batch.push(each);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Of pieces of one size, and not of one count: one large file is as much as many small ones. */
function* portions(jobs: readonly Job[]): Generator<Job[]> {
  let portion: Job[] = [];
  let bytes = 0;
  for (const job of jobs) {
    portion.push(job);
    bytes += bytesOf(job.pieces);
    if (bytes < WORK_BYTES && portion.length < WORK_FILES) continue;
    yield portion;
    [portion, bytes] = [[], 0];
  }
  if (portion.length > 0) yield portion;
}

function shifted(pieces: readonly Piece[], by: number): readonly Piece[] {
  return pieces.map(({ at, bytes }) => ({ at: at === null ? null : at + by, bytes }));
}

function contentOf({ size }: Inode, { sha256, md5, zeroFrom }: Digests): Partial<AuditEntry> {
  return { size, sha256, md5, ...(zeroFrom === null ? {} : { zeroFrom }) };
}

/** A path that begins so; `*` is one name. */
function beginningWith(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]+')}`);
}

/** Whether a path begins so as one of the patterns. */
function beginningWithOne(patterns: readonly string[]): (path: string) => boolean {
  const all = patterns.map(beginningWith);
  return (path) => all.some((each) => each.test(path));
}

type ManifestWork = {
  readonly workers: Workers;
  readonly lines: Lines;
  readonly request: ManifestRequest;
  readonly isLive: boolean;
  readonly isMounted: boolean;
};

/** The manifest of one file system. */
class FileSystemManifest {
  readonly #place: Place;
  readonly #fileSystem: Ext4;
  readonly #workers: Workers;
  readonly #lines: Lines;
  readonly #request: ManifestRequest;
  readonly #isAsked: (path: string) => boolean;
  readonly #isMemberAsked: (path: string) => boolean;
  readonly #isLive: boolean;
  /** Of inodes that have more names to come, or may have. */
  readonly #linked = new Map<number, Digests>();

  constructor(place: Place, { workers, lines, request, isLive, isMounted }: ManifestWork) {
    this.#place = place;
    this.#fileSystem = Ext4.open(place.source, isMounted);
    this.#workers = workers;
    this.#lines = lines;
    this.#request = request;
    this.#isAsked = beginningWithOne(request.contents);
    this.#isMemberAsked = beginningWithOne(request.memberContents ?? []);
    this.#isLive = isLive;
  }

  /** The next batch is walked while workers still hash the one before. */
  async write(): Promise<void> {
    let before: { batch: readonly Found[]; digests: Promise<ReadonlyMap<number, Digests>> } | null = null;
    for (const batch of batches(walk(this.#fileSystem, this.#isLive))) {
      const digests = this.#digests(batch);
      // Told when it is awaited; the walk may throw before.
      digests.catch(() => undefined);
      if (before !== null) await this.#writeEntries(before.batch, await before.digests);
      before = { batch, digests };
    }
    if (before !== null) await this.#writeEntries(before.batch, await before.digests);
  }

  async #digests(batch: readonly Found[]): Promise<ReadonlyMap<number, Digests>> {
    const found = new Map<number, Digests>();
    const jobs = new Map<number, Job>();
    for (const { inode } of batch) {
      const { number, kind } = inode;
      if (kind !== 'file' || this.#linked.has(number) || jobs.has(number) || found.has(number)) continue;
      const pieces = this.#fileSystem.pieces(inode);
      if (pieces === null) found.set(number, digestsOf(this.#fileSystem.content(inode, MOST_CONTENT_BYTES)));
      else jobs.set(number, { inode: number, pieces: shifted(pieces, this.#place.at) });
    }
    const sorted = [...jobs.values()].toSorted((a, b) => placeOf(a) - placeOf(b));
    await Promise.all(
      [...portions(sorted)].map(async (portion) => {
        const { digests } = await this.#workers.run({ kind: 'hash', files: portion.map(({ pieces }) => pieces) });
        for (const [at, digest] of digests.entries()) found.set(portion[at]?.inode ?? 0, digest);
      }),
    );
    return found;
  }

  async #writeEntries(batch: readonly Found[], digests: ReadonlyMap<number, Digests>): Promise<void> {
    for (const { path, inode } of batch) {
      const digest = digests.get(inode.number) ?? this.#linked.get(inode.number);
      if (digest !== undefined && inode.links > 1) this.#linked.set(inode.number, digest);
      const entry = this.#entry(path, inode, digest);
      await this.#lines.write({ type: 'entry', partition: this.#place.number, ...entry });
      if (inode.kind === 'file') await this.#writeInside(path, inode);
    }
  }

  async #writeInside(path: string, inode: Inode): Promise<void> {
    const { contents, archives = [] } = this.#request;
    // Of a large one that is asked for by its very name: what is at its beginning says what it is.
    if (inode.size > MOST_CONTENT_BYTES && contents.includes(path)) {
      const base64 = this.#fileSystem.beginning(inode, BEGINNING_BYTES).toString('base64');
      await this.#lines.write({ type: 'content', path, base64 });
    }
    if (inode.size <= MOST_CONTENT_BYTES && this.#isAsked(path)) {
      const base64 = this.#fileSystem.content(inode, MOST_CONTENT_BYTES).toString('base64');
      await this.#lines.write({ type: 'content', path, base64 });
    }
    if (!archives.some((each) => path.startsWith(each))) return;
    try {
      const bytes = this.#fileSystem.content(inode, MOST_ARCHIVE_BYTES);
      for await (const line of membersOf(path, bytes, this.#isMemberAsked)) await this.#lines.write(line);
    } catch (error) {
      throw new Error(`${path}: ${reasonOf(error)}`);
    }
  }

  #entry(path: string, inode: Inode, digests: Digests | undefined): AuditEntry {
    const { kind, mode, uid, gid, number, links, mtime, ctime, crtime, isImmutable, isAppendOnly } = inode;
    const attributes = this.#fileSystem.attributes(inode);
    return {
      ...{ path, kind, mode, uid, gid },
      ...(kind === 'file' && digests !== undefined ? contentOf(inode, digests) : {}),
      ...(kind === 'link' ? { target: pathText(this.#fileSystem.target(inode)) } : {}),
      ...(kind === 'char' || kind === 'block' ? { device: deviceOf(inode) } : {}),
      ...{ inode: number, links, mtime, ctime, crtime },
      ...(attributes.size === 0
        ? {}
        : { attributes: Object.fromEntries([...attributes].map(([name, value]) => [name, value.toString('base64')])) }),
      ...(isImmutable || isAppendOnly
        ? { flags: [...(isImmutable ? ['immutable' as const] : []), ...(isAppendOnly ? ['append-only' as const] : [])] }
        : {}),
    };
  }
}

async function sha256Of(workers: Workers, at: number, bytes: number): Promise<string> {
  const { digests } = await workers.run({ kind: 'hash', files: [[{ at, bytes }]] });
  return digests[0]?.sha256 ?? '';
}

function describePartition(place: Place, workers: Workers): Promise<Partition> {
  const { number, from, bytes, type, label, at } = place;
  const described = { number, from, bytes, type, label };
  return place.isExt4
    ? Promise.resolve({ ...described, fileSystem: 'ext4', sha256: null })
    : sha256Of(workers, at, bytes).then((sha256) => ({ ...described, fileSystem: 'other', sha256 }));
}

/**
 * Prints the disk, and every name on it.
 *
 * @throws Error when something on the disk is damaged or cannot be read
 */
export async function writeManifest(
  request: ManifestRequest,
  { disk, places, outside, isLive, isMounted }: Opened,
  workers: Workers,
  lines: Lines,
): Promise<void> {
  const [partitions, unpartitioned] = await Promise.all([
    Promise.all(places.map((place) => describePartition(place, workers))),
    Promise.all(
      outside.map(async ({ from, bytes }) => ({
        ...{ from, bytes },
        sha256: bytes > MOST_OUTSIDE_BYTES ? null : await sha256Of(workers, from, bytes),
      })),
    ),
  ]);
  await lines.write({ type: 'disk', bytes: disk.bytes, partitions, unpartitioned });
  for (const place of places) {
    if (!place.isExt4) continue;
    await new FileSystemManifest(place, { workers, lines, request, isLive, isMounted }).write();
  }
}
