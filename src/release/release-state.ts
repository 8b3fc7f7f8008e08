import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userError } from '../io/errors.ts';
import { releasesFolder } from '../io/paths.ts';
import { list, NUMBER, nullable, object, oneOf, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { writeWhole } from '../io/write-whole.ts';
import { CHANNELS, type Channel } from './channels.ts';
import { STEPS, type Step } from './next-step.ts';

const STATE_VERSION = 1;

export type RegionState = {
  /** As hosts.yaml names it. */
  readonly name: string;
  readonly apiRegion: string;
  /** The image there; null before a copy was begun. */
  readonly imageId: string | null;
  /** What came next when this was written; the region itself has the last word. */
  readonly step: Step;
  /** How many copies failed: each is asked for under a name of its own. */
  readonly failedCopies: number;
  /** What the pointer named before this release; null where it named nothing, or before the pointers move. */
  readonly previousImageId: string | null;
};

/** releases/<id>.json under the state folder: what a release needs to remember, and what `release status` shows. */
export type ReleaseState = {
  readonly stateVersion: typeof STATE_VERSION;
  /** Of image and channel, so that the same command finds it again. */
  readonly id: string;
  readonly imageId: string;
  readonly profile: string;
  readonly channel: Channel;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
  /** The run that works on it; null when none does. One that is no longer alive was killed. */
  readonly runId: string | null;
  readonly startedAt: string;
  /** When the pointers began to move: the same in all regions, whoever has to go on. */
  readonly releasedAt: string | null;
  readonly finishedAt: string | null;
  /** The first is that of the bake. */
  readonly regions: readonly RegionState[];
};

const problemOf = shapeCheck(
  object({
    stateVersion: oneOf(STATE_VERSION),
    id: TEXT,
    imageId: TEXT,
    profile: TEXT,
    channel: oneOf(...CHANNELS),
    endpointUrl: nullable(TEXT),
    runId: nullable(TEXT),
    startedAt: TEXT,
    releasedAt: nullable(TEXT),
    finishedAt: nullable(TEXT),
    regions: list(
      object({
        name: TEXT,
        apiRegion: TEXT,
        imageId: nullable(TEXT),
        step: oneOf(...STEPS),
        failedCopies: NUMBER,
        previousImageId: nullable(TEXT),
      }),
    ),
  }),
);

export function releaseId(imageId: string, channel: Channel): string {
  return `${imageId}-${channel}`;
}

export function statePath(id: string): string {
  return join(releasesFolder(), `${id}.json`);
}

/** The state, null when there is none, or why the file cannot be used. */
async function readOne(id: string): Promise<ReleaseState | string | null> {
  try {
    const value = parseObject(await readFile(statePath(id), 'utf8'));
    if (typeof value === 'string') return value;
    return (
      problemOf(value) ?? (value['id'] === id ? (value as unknown as ReleaseState) : 'it is about another release')
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : `it cannot be read (${code ?? message})`;
  }
}

/** @returns null when there is none. @throws EcsHostError `RELEASE_UNREADABLE` (user) */
export async function readState(id: string): Promise<ReleaseState | null> {
  const state = await readOne(id);
  if (typeof state !== 'string') return state;
  throw userError(
    'RELEASE_UNREADABLE',
    `What was written down of a release, ${statePath(id)}, cannot be used: ${state}.`,
    'move it away: copies and verdicts are found again in their regions',
  );
}

/** All that can be read, the newest first. */
export async function listStates(): Promise<ReleaseState[]> {
  await mkdir(releasesFolder(), { recursive: true });
  const names = (await readdir(releasesFolder())).filter((name) => name.endsWith('.json'));
  const states = await Promise.all(names.map((name) => readOne(name.slice(0, -'.json'.length))));
  return states
    .filter((state) => state !== null && typeof state !== 'string')
    .sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/**
 * Pure: the state that a release goes on from. One that was finished begins anew, and finds in the regions what is
 * there of it already.
 */
export function openState(
  before: ReleaseState | null,
  wanted: Omit<ReleaseState, 'stateVersion' | 'startedAt' | 'releasedAt' | 'finishedAt' | 'regions'> & {
    readonly regions: readonly Pick<RegionState, 'name' | 'apiRegion'>[];
    readonly now: string;
  },
): ReleaseState {
  const { regions, now, ...own } = wanted;
  const isSame = before !== null && before.finishedAt === null;
  const known = isSame ? before.regions : [];
  return {
    stateVersion: STATE_VERSION,
    ...own,
    startedAt: isSame ? before.startedAt : now,
    releasedAt: isSame ? before.releasedAt : null,
    finishedAt: null,
    regions: regions.map(({ name, apiRegion }, place) => ({
      ...(known.find((each) => each.apiRegion === apiRegion) ?? {
        imageId: place === 0 ? own.imageId : null,
        step: place === 0 ? ('prove' as const) : ('copy' as const),
        failedCopies: 0,
        previousImageId: null,
      }),
      name,
      apiRegion,
    })),
  };
}

/** The state of a release that is worked on: each change is on disk when its promise is fulfilled, in order. */
export class Ledger {
  #state: ReleaseState;
  #written: Promise<void> = Promise.resolve();

  constructor(state: ReleaseState) {
    this.#state = state;
  }

  get state(): ReleaseState {
    return this.#state;
  }

  save(change: Partial<Omit<ReleaseState, 'regions'>> = {}): Promise<void> {
    return this.#write({ ...this.#state, ...change });
  }

  saveRegion(place: number, change: Partial<RegionState>): Promise<void> {
    const regions = this.#state.regions.map((each, at) => (at === place ? { ...each, ...change } : each));
    return this.#write({ ...this.#state, regions });
  }

  #write(state: ReleaseState): Promise<void> {
    this.#state = state;
    this.#written = this.#written.then(() => writeWhole(statePath(state.id), `${JSON.stringify(state, null, 2)}\n`));
    return this.#written;
  }
}
