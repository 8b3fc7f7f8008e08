import { basename } from 'node:path';
import { firstLine, reasonOf } from '#contracts/reason.ts';
import { outsideError } from '../io/errors.ts';
import type { RunContext } from '../io/reporter.ts';
import { untilStopped } from '../io/until-stopped.ts';
import { type LiveSource, type LiveStatus, LiveStream } from '../stream/live.ts';
import { findOpener, openAddress } from '../stream/open-address.ts';
import { servePage } from '../stream/page.ts';
import { findPlayer, play } from '../stream/player.ts';
import { StrangerError } from '../stream/wire.ts';

/** How the stream is shown: in a player, or in a page whose address lets its holder see it. */
export type Shown =
  | { readonly by: 'player'; readonly player: string }
  | { readonly by: 'page'; readonly address: string; readonly isOpened: boolean };

export type ShowRequest = {
  readonly source: LiveSource;
  readonly ctx: RunContext;
  readonly title: string;
  /** Whether a player or a browser is opened; else only the page is served. */
  readonly opens: boolean;
  readonly onShown: (shown: Shown) => void;
  /** Resolves, with what ssh said, when the connection that the stream comes over ended; null when there is none. */
  readonly ended: Promise<string> | null;
};

/** Says when the stream is lost, and when it is back. */
class StatusNotes {
  readonly #ctx: RunContext;
  #said = '';

  constructor(ctx: RunContext) {
    this.#ctx = ctx;
  }

  take({ state, reason, picture }: LiveStatus): void {
    const isGone = state !== 'live' && reason !== null;
    if ((!isGone && state !== 'live') || this.#said === state) return;
    this.#said = state;
    if (isGone) {
      this.#ctx.reporter.emit({
        type: 'warning',
        code: 'STREAM_LOST',
        text: `The stream is not there: ${reason}. It is looked for again.`,
      });
      return;
    }
    const size = picture === null ? '' : `: ${picture.codec}, ${picture.width}x${picture.height}`;
    this.#ctx.reporter.emit({ type: 'note', code: 'STREAM_BACK', text: `The stream is there${size}` });
  }
}

/** @returns whether a player showed it, to the end */
async function showInPlayer(stream: LiveStream, request: ShowRequest, signal: AbortSignal): Promise<boolean> {
  const player = request.opens ? await findPlayer() : null;
  if (player === null) return false;
  request.onShown({ by: 'player', player });
  const { how, stderr } = await play(stream, player, request.title, signal);
  if (how !== 'failed') return true;
  request.ctx.reporter.emit({
    type: 'warning',
    code: 'STREAM_PLAYER',
    text: `${basename(player)} could not show the stream: ${firstLine(stderr) || 'it did not say why'}`,
  });
  return false;
}

async function showInPage(stream: LiveStream, request: ShowRequest, signal: AbortSignal): Promise<void> {
  await using page = await servePage(stream, request.title);
  const opener = request.opens ? await findOpener() : null;
  if (opener !== null) openAddress(opener, page.openingAddress());
  request.onShown({ by: 'page', address: page.address, isOpened: opener !== null });
  await untilStopped(signal);
}

function strangerError(error: unknown): unknown {
  if (!(error instanceof StrangerError)) return error;
  return outsideError(
    'STREAM_STRANGER',
    `What answers where the stream was has another key now: ${reasonOf(error)}.`,
    'the container was started anew, perhaps by another `dev-host stream`; run this one again',
  );
}

/**
 * Shows the stream until whoever watches closes the player, or the context's signal fires.
 *
 * @throws EcsHostError (outside) `STREAM_STRANGER`, `SSH_LOST`
 */
export async function showStream(request: ShowRequest): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.ctx.signal, stop.signal]);
  const stream = new LiveStream(request.source);
  let failure: unknown = null;
  const fail = (error: unknown): void => {
    failure ??= strangerError(error);
    stop.abort(failure);
  };
  void request.ended?.then((said) => {
    if (!signal.aborted)
      fail(outsideError('SSH_LOST', 'The connection to the host ended, and the stream with it.', undefined, said));
  });
  const notes = new StatusNotes(request.ctx);
  const leave = stream.join({ onUnit: () => undefined, onStatus: (status) => notes.take(status) });
  const running = stream.run(signal).catch(fail);
  try {
    if (!(await showInPlayer(stream, request, signal))) await showInPage(stream, request, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    leave();
    stop.abort();
    await running;
  }
  if (failure !== null) throw failure;
}
