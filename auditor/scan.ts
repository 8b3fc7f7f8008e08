import type { FindingLine, ScanRequest, TextRequest } from '#contracts/audit.ts';
import { BlockSet } from './block-set.ts';
import type { Piece } from './bytes.ts';
import type { Place } from './disk/layout.ts';
import { Ext4 } from './ext4/file-system.ts';
import type { Inode } from './ext4/inode.ts';
import type { Lines } from './lines.ts';
import type { Opened } from './opened.ts';
import { contentOf, type Found, SecretSearch } from './secrets/search.ts';
import { walk } from './walk.ts';
import type { Area } from './work.ts';
import type { Workers } from './workers.ts';

/** What one worker gets at a time, and what is made one area of what belongs to no file. */
const WORK_BYTES = 16 * 1024 * 1024;
const WORK_AREAS = 512;
/** A secret that lies over the end of an area is whole in this one or in the next. */
const OVERLAP = 16 * 1024;
/** Work that waits for a worker, so that memory is not filled with it. */
const MOST_WAITING = 32;

type Where = FindingLine['where'];

/** An area, and how what is found in it is told. */
type Told = Area & { readonly where: Where; readonly toldPath: string | null; readonly toldFrom: number };

function bytesOf({ pieces }: Area): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Gathers areas into work for the workers, and prints what they find. */
class Search {
  readonly #workers: Workers;
  readonly #lines: Lines;
  readonly #running = new Set<Promise<void>>();
  #areas: Told[] = [];
  #bytes = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(workers: Workers, lines: Lines) {
    this.#workers = workers;
    this.#lines = lines;
  }

  async add(area: Told): Promise<void> {
    this.#areas.push(area);
    this.#bytes += bytesOf(area);
    if (this.#bytes < WORK_BYTES && this.#areas.length < WORK_AREAS) return;
    this.#start();
    while (this.#running.size >= MOST_WAITING) await Promise.race(this.#running);
    if (this.#failure !== null) throw this.#failure.error;
  }

  async end(): Promise<void> {
    this.#start();
    await Promise.all(this.#running);
    if (this.#failure !== null) throw this.#failure.error;
  }

  #start(): void {
    const areas = this.#areas;
    [this.#areas, this.#bytes] = [[], 0];
    const running = this.#search(areas)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #search(areas: readonly Told[]): Promise<void> {
    const asked = areas.map(({ pieces, path }) => ({ pieces, path }));
    const { found } = await this.#workers.run({ kind: 'search', areas: asked });
    for (const [at, each] of found.entries()) {
      const area = areas[at];
      if (area === undefined) continue;
      for (const { rule, offset } of each)
        await this.#lines.write({
          ...{ type: 'finding', rule, where: area.where },
          ...{ path: area.toldPath, offset: area.toldFrom + offset },
        });
    }
  }
}

/** The part of the disk that may hold anything but zeros. */
class Data {
  readonly #ranges: ScanRequest['data'];

  constructor(ranges: ScanRequest['data']) {
    this.#ranges = ranges;
  }

  /** Of `from` to `to`, in bytes of the disk. */
  *within(from: number, to: number): Generator<readonly [from: number, to: number]> {
    if (this.#ranges === null) {
      yield [from, to];
      return;
    }
    for (const range of this.#ranges) {
      const [begin, end] = [Math.max(range[0], from), Math.min(range[1], to)];
      if (begin < end) yield [begin, end];
    }
  }
}

/** What is searched of one disk. */
class Scan {
  readonly #request: ScanRequest;
  readonly #search: Search;
  readonly #data: Data;
  readonly #asked: Set<string>;
  /** For the few files whose content is in their inode. */
  readonly #inMemory = new SecretSearch();
  readonly #lines: Lines;

  constructor(request: ScanRequest, search: Search, lines: Lines) {
    this.#request = request;
    this.#search = search;
    this.#lines = lines;
    this.#data = new Data(request.data);
    this.#asked = new Set(request.files);
  }

  /** Asked files that were on no partition yet. */
  get missing(): readonly string[] {
    return [...this.#asked];
  }

  async fileSystem(place: Place, { isLive, isMounted }: Pick<Opened, 'isLive' | 'isMounted'>): Promise<void> {
    const fileSystem = Ext4.open(place.source, isMounted);
    const { blocks, blockSize } = fileSystem.superblock;
    const held = new BlockSet(blocks);
    const seen = new Set<number>();
    for (const { path, inode } of walk(fileSystem, isLive)) {
      if (inode.kind !== 'file') continue;
      if (this.#asked.delete(path)) await this.#file(place, fileSystem, path, inode);
      if (!this.#request.freeSpace || seen.has(inode.number)) continue;
      if (inode.links > 1) seen.add(inode.number);
      await this.#hold(place, fileSystem, path, inode, held);
    }
    if (!this.#request.freeSpace) return;
    await this.#journal(place, fileSystem, held);
    for (const { from, count } of held.others())
      await this.outside(place, from * blockSize, count * blockSize, 'free space');
    const end = blocks * blockSize;
    await this.outside(place, end, place.bytes - end, 'free space');
  }

  /** @param from in bytes of the place */
  async outside(place: Pick<Place, 'at' | 'from'>, from: number, bytes: number, where: Where): Promise<void> {
    // Of a partition that is read alone, places on the disk are others than those in what is read.
    const shift = place.from - place.at;
    const begin = place.from + from;
    for (const [dataFrom, dataTo] of this.#data.within(begin, begin + bytes)) {
      for (let at = dataFrom; at < dataTo; at += WORK_BYTES) {
        const length = Math.min(WORK_BYTES + OVERLAP, dataTo - at);
        const pieces = [{ at: at - shift, bytes: length }];
        await this.#search.add({ pieces, path: null, where, toldPath: null, toldFrom: at });
      }
    }
  }

  async #file(place: Place, fileSystem: Ext4, path: string, inode: Inode): Promise<void> {
    const pieces = fileSystem.pieces(inode);
    if (pieces === null) {
      const found = this.#inMemory.search(contentOf(fileSystem.content(inode, inode.size), path));
      await writeFindings(this.#lines, path, found);
    } else if (pieces.some(({ at }) => at !== null)) {
      const placed = pieces.map(({ at, bytes }): Piece => ({ at: at === null ? null : at + place.at, bytes }));
      await this.#search.add({ pieces: placed, path, where: 'file', toldPath: path, toldFrom: 0 });
    }
  }

  /** Notes which blocks are the file's, and searches what is behind its end in the last of them. */
  async #hold(place: Place, fileSystem: Ext4, path: string, inode: Inode, held: BlockSet): Promise<void> {
    const { blockSize } = fileSystem.superblock;
    const blocks = Math.ceil(inode.size / blockSize);
    for (const { logical, physical, blocks: count, isWritten } of fileSystem.runs(inode)) {
      const within = Math.min(count, blocks - logical);
      if (!isWritten || within <= 0) continue;
      held.add(physical, within);
      const slack = (logical + within) * blockSize - inode.size;
      if (logical + within < blocks || slack <= 0) continue;
      const at = place.at + (physical + within) * blockSize - slack;
      const area = { pieces: [{ at, bytes: slack }], path: null, where: 'end of a file' as const };
      await this.#search.add({ ...area, toldPath: path, toldFrom: inode.size });
    }
  }

  async #journal(place: Place, fileSystem: Ext4, held: BlockSet): Promise<void> {
    const { blockSize } = fileSystem.superblock;
    const journal = fileSystem.journal();
    for (const { physical, blocks } of journal === null ? [] : fileSystem.runs(journal)) {
      held.add(physical, blocks);
      await this.outside(place, physical * blockSize, blocks * blockSize, 'journal');
    }
  }
}

async function writeFindings(lines: Lines, path: string, found: readonly Found[]): Promise<void> {
  for (const { rule, offset } of found) await lines.write({ type: 'finding', rule, where: 'file', path, offset });
}

/**
 * Prints what looks like a secret in the asked files, and in all that belongs to no file's content.
 *
 * @throws Error when something on the disk is damaged or cannot be read, or an asked file is not there
 */
export async function writeScan(
  request: ScanRequest,
  { places, outside, isLive, isMounted }: Opened,
  workers: Workers,
  lines: Lines,
): Promise<void> {
  const search = new Search(workers, lines);
  const scan = new Scan(request, search, lines);
  for (const place of places) {
    if (place.isExt4) await scan.fileSystem(place, { isLive, isMounted });
    else if (request.freeSpace) await scan.outside(place, 0, place.bytes, 'free space');
  }
  if (request.freeSpace)
    for (const { from, bytes } of outside) await scan.outside({ at: 0, from: 0 }, from, bytes, 'free space');
  await search.end();
  const [first] = scan.missing;
  if (first !== undefined && !isLive) throw new Error(`${first} is to be searched and is not on the disk`);
}

/** Prints what looks like a secret in a text. */
export async function writeTextScan({ name, text }: TextRequest, lines: Lines): Promise<void> {
  await writeFindings(lines, name, new SecretSearch().search(contentOf(Buffer.from(text), name)));
}
