import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { STARTS_FOLDER } from '#contracts/host-service.ts';
import { bootCs } from './gate.ts';
import type { Log } from './log.ts';

/** Lines in a segment; there are two segments at most, so the record of a year has the size of that of a day. */
const SEGMENT_LINES = 4096;
/** A segment is below 1 MB. What is much larger was not written here. */
const LARGEST_SEGMENT_BYTES = 4 * 1024 * 1024;
const LARGEST_DAMAGED_BYTES = 64 * 1024;

/** One start of one container, as the witness wrote it down; times are hundredths of a second of CLOCK_BOOTTIME. */
export type WitnessedStart = { readonly id: string; readonly startedCs: number; readonly pid: number };

type Line = WitnessedStart & { readonly n: number; readonly takenCs: number };

function keyOf({ id, startedCs, pid }: WitnessedStart): string {
  return `${id}.${startedCs}.${pid}`;
}

/** Null for a name that the witness does not make. */
export function parseEntry(name: string): WitnessedStart | null {
  const [, id, startedCs, pid] = /^([A-Za-z0-9][A-Za-z0-9+_.-]{0,127})\.(\d{1,12})\.(\d{1,10})$/.exec(name) ?? [];
  return id === undefined ? null : { id, startedCs: Number(startedCs), pid: Number(pid) };
}

function parseLine(text: string): Line | null {
  try {
    const { n, id, startedCs, pid, takenCs } = JSON.parse(text) as Record<string, unknown>;
    const isLine =
      typeof id === 'string' &&
      [n, startedCs, pid, takenCs].every((value) => Number.isSafeInteger(value) && value !== 0);
    return isLine ? ({ n, id, startedCs, pid, takenCs } as Line) : null;
  } catch {
    return null;
  }
}

/**
 * The record of starts. The witness makes an empty file for each start; here each becomes one line, and then its file
 * goes. A service that is killed between the two finds the line when it is back, so each start is on the record once.
 * Below /run: a container does not outlive the boot.
 */
export class StartRecord {
  readonly spool: string;
  readonly #segment: string;
  readonly #before: string;
  readonly #damaged: string;
  readonly #log: Log;
  readonly #segmentLines: number;
  /**
   * Entries whose line is there although their file may be, too: of an earlier life that was killed, or that cannot be
   * removed.
   */
  #known = new Set<string>();
  #count = 0;
  #lines = 0;
  /** The last line may lack its end. */
  #isCutOff = false;

  constructor(log: Log, folder: string = STARTS_FOLDER, segmentLines: number = SEGMENT_LINES) {
    this.#log = log;
    this.#segmentLines = segmentLines;
    this.spool = join(folder, 'new');
    this.#segment = join(folder, 'record.ndjson');
    this.#before = join(folder, 'record.1.ndjson');
    this.#damaged = join(folder, 'record.damaged');
    mkdirSync(this.spool, { recursive: true, mode: 0o700 });
    for (const path of [this.#before, this.#segment]) this.#lines = this.#load(path);
  }

  /** Starts of this boot. */
  get count(): number {
    return this.#count;
  }

  /**
   * Puts on the record what the witness wrote down since, oldest first. Nothing is lost when it throws: the next call
   * takes it.
   *
   * @throws Error when the record cannot be written
   */
  takeIn(): readonly WitnessedStart[] {
    const found = readdirSync(this.spool).flatMap((name) => {
      const start = parseEntry(name);
      if (start === null) this.#discard(name);
      return start === null ? [] : [start];
    });
    const fresh = found.filter((start) => !this.#known.has(keyOf(start))).toSorted((a, b) => a.startedCs - b.startedCs);
    for (const start of fresh) this.#append(start);
    // A name does not come again, so what is not there any more need not be known.
    this.#known = new Set(found.map(keyOf).filter((key) => !this.#remove(key)));
    return fresh;
  }

  #append(start: WitnessedStart): void {
    if (this.#lines >= this.#segmentLines) {
      renameSync(this.#segment, this.#before);
      this.#lines = 0;
      this.#isCutOff = false;
    }
    const line: Line = { n: this.#count + 1, ...start, takenCs: bootCs() };
    try {
      appendFileSync(this.#segment, `${this.#isCutOff ? '\n' : ''}${JSON.stringify(line)}\n`, { mode: 0o600 });
    } catch (error) {
      this.#isCutOff = true;
      throw error;
    }
    this.#isCutOff = false;
    this.#known.add(keyOf(start));
    this.#count += 1;
    this.#lines += 1;
  }

  #remove(key: string): boolean {
    try {
      unlinkSync(join(this.spool, key));
      return true;
    } catch (error) {
      this.#log.once('record', 'error', `${this.spool}: ${String(error)}`);
      return false;
    }
  }

  #discard(name: string): void {
    this.#log.say('error', `${this.spool}: ${JSON.stringify(name.slice(0, 100))} is no start of a container; removed`);
    rmSync(join(this.spool, name), { recursive: true, force: true });
  }

  /** @returns its number of lines */
  #load(path: string): number {
    let text: string;
    try {
      if (statSync(path).size > LARGEST_SEGMENT_BYTES) throw new Error('it is too large');
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#putAsideWhole(path, error);
      return 0;
    }
    this.#isCutOff = text !== '' && !text.endsWith('\n');
    const lines = text.split('\n').filter((line) => line !== '');
    for (const each of lines) {
      const line = parseLine(each);
      if (line === null) {
        this.#putAside(path, each);
        continue;
      }
      this.#known.add(keyOf(line));
      this.#count = Math.max(this.#count, line.n);
    }
    return lines.length;
  }

  #putAsideWhole(path: string, error: unknown): void {
    this.#log.say('error', `${path} cannot be read and is put aside: ${String(error)}`);
    try {
      rmSync(this.#damaged, { recursive: true, force: true });
      renameSync(path, this.#damaged);
    } catch {
      rmSync(path, { recursive: true, force: true });
    }
  }

  #putAside(path: string, line: string): void {
    this.#log.once('damaged', 'error', `${path} has a line that is no start; it is put aside in ${this.#damaged}`);
    try {
      const size = statSync(this.#damaged, { throwIfNoEntry: false })?.size ?? 0;
      if (size < LARGEST_DAMAGED_BYTES) appendFileSync(this.#damaged, `${line.slice(0, 1000)}\n`, { mode: 0o600 });
    } catch {
      // No room for what is no record.
    }
  }
}
