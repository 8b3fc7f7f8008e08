import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Nanoseconds } from './docker.ts';

/** Below /run: a container does not outlive the boot, and its starts need not either. */
export const STARTS_PATH = '/run/ecs-host/starts.ndjson';

/** Starts that are kept when the file is read again; Docker replays 256 events at most. */
const KEPT = 4096;
/** Docker notes StartedAt and tells of the start a moment later. */
const GAP_NS = 5_000_000_000n;

/** One start of one container, known by the time of its event, by Docker's StartedAt, or by both. */
export type Start = {
  readonly id: string;
  readonly eventNs: Nanoseconds | null;
  readonly startedAtNs: Nanoseconds | null;
};

type Line = {
  readonly id: string;
  readonly name: string;
  readonly eventNs: string | null;
  readonly startedAtNs: string | null;
  readonly handledNs: string;
};

const asStart = ({ id, eventNs, startedAtNs }: Line): Start => ({
  id,
  eventNs: eventNs === null ? null : BigInt(eventNs),
  startedAtNs: startedAtNs === null ? null : BigInt(startedAtNs),
});

/** A last line that a kill cut off is no line: its start is handled again, which does nothing new. */
const parse = (text: string): Line[] =>
  text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });

/** By a time that both have; undefined when they have none in common. */
const isSame = (known: Start, start: Start): boolean | undefined => {
  if (known.eventNs !== null && start.eventNs !== null) return known.eventNs === start.eventNs;
  if (known.startedAtNs !== null && start.startedAtNs !== null) return known.startedAtNs === start.startedAtNs;
  return undefined;
};

/** One was seen in the list, the other as an event: the event follows its own StartedAt at once. */
const mayBeSame = (known: Start, start: Start): boolean => {
  const startedAtNs = known.startedAtNs ?? start.startedAtNs;
  const eventNs = known.eventNs ?? start.eventNs;
  return startedAtNs !== null && eventNs !== null && startedAtNs <= eventNs && eventNs - startedAtNs < GAP_NS;
};

/** What is known of a start: handled; new; or maybe handled, as one whose StartedAt is this. */
export type Recognition = 'handled' | 'new' | { readonly maybe: Nanoseconds };

/**
 * The starts that were handled, in memory and in an append-only file, so that a service that was killed knows them when it is back. Written
 * synchronously: there is no moment between "handled" and "known to be".
 */
export class Starts {
  readonly #path: string;
  readonly #byId = new Map<string, Start[]>();
  #count = 0;

  constructor(path: string = STARTS_PATH) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    let text = '';
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      // The first life in this boot.
    }
    const lines = parse(text);
    this.#count = lines.length;
    for (const line of lines.slice(-KEPT)) this.#remember(asStart(line));
    // A cut-off last line must not swallow the next one.
    if (text !== '' && !text.endsWith('\n')) {
      writeFileSync(`${path}.partial`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      renameSync(`${path}.partial`, path);
    }
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Whether this start was handled. An event of a container that only the list told of may be that start's, or the next one's, a second later:
   * then Docker has to be asked.
   */
  recognise(start: Start): Recognition {
    const all = this.#byId.get(start.id) ?? [];
    if (all.some((known) => isSame(known, start))) return 'handled';
    const known = all.find((each) => isSame(each, start) === undefined && mayBeSame(each, start));
    if (!known) return 'new';
    if (known.startedAtNs !== null) return { maybe: known.startedAtNs };
    this.complete(start, known);
    return 'handled';
  }

  /** Both times of a start that was handled under one of them. */
  complete(start: Start, known: Pick<Start, 'eventNs' | 'startedAtNs'>): void {
    const all = this.#byId.get(start.id) ?? [];
    const index = all.findIndex((each) => each.eventNs === known.eventNs && each.startedAtNs === known.startedAtNs);
    if (index < 0) return;
    all[index] = {
      id: start.id,
      eventNs: known.eventNs ?? start.eventNs,
      startedAtNs: known.startedAtNs ?? start.startedAtNs,
    };
  }

  add(start: Start, name: string): void {
    const line: Line = {
      id: start.id,
      name,
      eventNs: start.eventNs === null ? null : String(start.eventNs),
      startedAtNs: start.startedAtNs === null ? null : String(start.startedAtNs),
      handledNs: `${Date.now()}000000`,
    };
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
    this.#remember(start);
    this.#count += 1;
  }

  #remember(start: Start): void {
    const known = this.#byId.get(start.id);
    if (known) known.push(start);
    else this.#byId.set(start.id, [start]);
  }
}
