import { reasonOf } from '#contracts/reason.ts';
import { type EcsHostError, outsideError } from '../../io/errors.ts';

/** An index of a distribution is ten megabytes. */
const LIMIT_MS = 60_000;

export function versionUnknown(what: string, reason: string, cause?: unknown): EcsHostError {
  return outsideError(
    'VERSION_UNKNOWN',
    `The newest version of ${what} is not known: ${reason}.`,
    'try again, or write the version into hosts.yaml; what is written there is not asked for',
    undefined,
    cause,
  );
}

type Init = { readonly method?: 'HEAD' };

/** @throws Error in words, when there is no answer at all, or a server's own failure */
export async function ask(url: string, init: Init = {}): Promise<Response> {
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(LIMIT_MS) });
    if (answer.status < 500) return answer;
    await answer.body?.cancel();
    throw new Error(`HTTP ${answer.status}`);
  } catch (error) {
    // fetch says only that it failed, and why in its cause.
    const reason = error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error);
    throw new Error(`${url} does not answer (${reason})`, { cause: error });
  }
}

/** @throws EcsHostError (outside) `VERSION_UNKNOWN` when there is no answer at all, or a server's own failure */
export async function askSource(what: string, url: string, init: Init = {}): Promise<Response> {
  try {
    return await ask(url, init);
  } catch (error) {
    throw versionUnknown(what, reasonOf(error), error);
  }
}
