import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type EcsHostError, outsideError, userError } from '../io/errors.ts';
import type { Sources } from './sources.ts';

/** What the lab offers for a profile's base image. */
export type LabBaseImage = {
  /** Null when the lab makes none of that name: what is there is there. */
  readonly imageName: string | null;
  readonly mode: Exclude<Sources, 'auto'> | null;
  /** Null where it is the real one. */
  readonly substitution: { readonly component: string; readonly source: string; readonly reason: string } | null;
};

export type BaseImageQuery = { readonly ownerId: string; readonly name: string; readonly sources: Sources };

type Line =
  | { readonly type: 'progress'; readonly line: string }
  | ({ readonly type: 'result' } & LabBaseImage)
  | { readonly type: 'problem'; readonly problem: string; readonly isUsers: boolean };

/** Runs what takes its time where its progress is shown. */
export type Building = <T>(work: (onLine: (line: string) => void) => Promise<T>) => Promise<T>;

function failed({ problem, isUsers }: { readonly problem: string; readonly isUsers: boolean }): EcsHostError {
  const reason = `The lab has no base image for this: ${problem}`;
  return isUsers
    ? userError('LAB_SOURCES', reason, 'see "Two ways to a base image" in lab/README.md')
    : outsideError(
        'LAB_BASE_IMAGE',
        reason,
        "`ecs-host doctor` lists what the lab needs; the lab's daemon.log has more",
      );
}

async function* linesOf(body: NonNullable<Response['body']>): AsyncGenerator<Line> {
  const lines = createInterface({ input: Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]) });
  for await (const line of lines) yield JSON.parse(line) as Line;
}

/** @throws EcsHostError when the lab says that it cannot, or ends in the middle */
async function resultOf(lines: AsyncGenerator<Line>, onLine: (line: string) => void): Promise<LabBaseImage> {
  for await (const line of lines) {
    if (line.type === 'result') return { imageName: line.imageName, mode: line.mode, substitution: line.substitution };
    if (line.type === 'problem') throw failed(line);
    onLine(line.line);
  }
  throw failed({ problem: 'its answer ended in the middle', isUsers: false });
}

/**
 * Has the lab offer the base image that a profile names, which it makes when it is asked for it first.
 *
 * @param building around the rest of it when there is something to build; what is there already takes milliseconds
 * @returns null when the endpoint is no lab of this project
 * @throws EcsHostError `LAB_SOURCES` (user) when the lab cannot have it so; `LAB_BASE_IMAGE` (outside)
 */
export async function askForBaseImage(
  endpointUrl: string,
  query: BaseImageQuery,
  { signal, building }: { readonly signal: AbortSignal; readonly building: Building },
): Promise<LabBaseImage | null> {
  const answer = await fetch(new URL('/_lab/base-images', endpointUrl), {
    method: 'POST',
    body: JSON.stringify(query),
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    // Nobody listens: what is asked next says so.
    if (error instanceof TypeError) return null;
    throw error;
  });
  if (answer?.ok !== true || answer.body === null || answer.headers.get('content-type') !== 'application/x-ndjson') {
    await answer?.body?.cancel();
    return null;
  }
  const lines = linesOf(answer.body);
  const first = await lines.next();
  if (first.done === true) throw failed({ problem: 'its answer was empty', isUsers: false });
  const { value } = first;
  if (value.type === 'problem') throw failed(value);
  if (value.type === 'result') {
    const { imageName, mode, substitution } = value;
    return { imageName, mode, substitution };
  }
  return building(async (onLine) => {
    onLine(value.line);
    return resultOf(lines, onLine);
  });
}
