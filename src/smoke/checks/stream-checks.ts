import { isMoving, isVisible } from '../../stream/judge.ts';
import { receiveStream, type StreamPorts, type StreamReport } from '../../stream/stream-client.ts';
import type { CheckBook } from './check-book.ts';

export const FRAMES_NEEDED = 60;
/** A stream of 30 frames a second needs two seconds; the rest is for a slow start on a loaded machine. */
const TIMEOUT_MS = 45_000;

type Finding = { readonly actual: string; readonly isCorrect: boolean };

/** What a report means for the three checks of the stream. Pure. */
export function judgeStream(
  report: StreamReport,
): Readonly<Record<'stream.frames' | 'stream.not-black' | 'stream.changes', Finding>> {
  const { framesDecoded, blackFrames, changedFrames, firstFrameMs, discovered } = report;
  const of = (count: number, what: string): string => `${count} of ${framesDecoded} frames ${what}`;
  return {
    'stream.frames': {
      actual: `${framesDecoded} frames of ${discovered.codec} ${discovered.width}x${discovered.height}, the first after ${firstFrameMs ?? 'no'} ms, ping ${report.isPingAnswered ? 'answered' : 'not answered'}`,
      isCorrect: framesDecoded >= FRAMES_NEEDED && report.isPingAnswered,
    },
    'stream.not-black': {
      actual: of(blackFrames, 'are black'),
      isCorrect: isVisible(report),
    },
    'stream.changes': {
      actual: of(changedFrames, 'differ from the one before'),
      isCorrect: isMoving(report),
    },
  };
}

/** Receives the stream as a client outside does, and judges it. */
export async function checkStream(
  target: { readonly host: string; readonly ports: StreamPorts; readonly key: Uint8Array },
  book: CheckBook,
  signal: AbortSignal,
): Promise<void> {
  const report = await receiveStream({ ...target, frames: FRAMES_NEEDED, timeoutMs: TIMEOUT_MS, signal });
  for (const [id, finding] of Object.entries(judgeStream(report)))
    book.record(id, { ...finding, durationMs: report.durationMs });
}
