import { reasonOf } from '#contracts/reason.ts';
import type { OpenSsh } from '../host-access/ssh.ts';
import { EcsHostError, outsideError } from '../io/errors.ts';
import type { RunContext } from '../io/reporter.ts';
import { isMoving, isVisible } from '../stream/judge.ts';
import { receiveStream, type StreamReport } from '../stream/stream-client.ts';
import type { Brought } from '../workload/brought.ts';
import { buildImageStep, buildProtocolStep, type Step, type Workload } from '../workload/commands.ts';
import { type Container, findOwn, runContainer } from '../workload/container.ts';
import { follow, stepFailed } from '../workload/follow.ts';
import { readKey } from '../workload/key.ts';
import { ensureWorkingTree, type WorkingTree } from '../workload/working-tree.ts';
import { type ReachedStream, reachStream } from './stream-reach.ts';

/** What is built and run, and how it gets onto the host when it is not there. */
export type Streamed = { readonly workload: Workload; readonly bring: () => Promise<Brought> };

/** A stream that runs on the host, and how it is met. */
export type HostStream = {
  readonly tree: WorkingTree;
  readonly container: Container;
  readonly reached: ReachedStream;
  readonly key: Uint8Array;
};

async function build(ctx: RunContext, ssh: OpenSsh, title: string, step: Step): Promise<void> {
  await ctx.span(title, async (span) => {
    const result = await follow(ssh, step, span);
    if (result.exitCode !== 0) throw stepFailed(title, result);
  });
}

async function run(ctx: RunContext, ssh: OpenSsh, { workload, bring }: Streamed): Promise<HostStream> {
  const tree = await ctx.span('container images', async (span) => {
    // Before minutes of building: ports that somebody else has are not ours to take.
    await findOwn(ssh, workload.ports);
    return ensureWorkingTree(ssh, bring, span);
  });
  await build(ctx, ssh, 'build the protocol', buildProtocolStep(workload));
  await build(ctx, ssh, 'build the image', buildImageStep(workload));
  const { container, key } = await ctx.span('run it', async (span) => {
    const ran = await runContainer(ssh, workload, span);
    return { container: ran.container, key: await readKey(ssh, ran.stdout) };
  });
  const reached = await ctx.span('reach the stream', () => reachStream(ssh, workload.ports, key, ctx.signal));
  return { tree, container, reached, key };
}

/**
 * Builds the workload on the host from what is in the developer's folder, runs it, and finds the way to its stream. The
 * container keeps running; the next call puts its own in its place.
 *
 * @throws EcsHostError (outside) `WORKLOAD_FAILED`; (user) `STREAM_PORTS_TAKEN`; (interrupted) `STREAM_INTERRUPTED`
 */
export async function streamDevHost(ctx: RunContext, ssh: OpenSsh, streamed: Streamed): Promise<HostStream> {
  try {
    return await run(ctx, ssh, streamed);
  } catch (error) {
    if (!ctx.signal.aborted) throw error;
    throw new EcsHostError(
      'interrupted',
      'STREAM_INTERRUPTED',
      'Interrupted; what was built on the host stays, and what ran there may still run.',
      { cause: error },
    );
  }
}

const FRAMES_LIMIT_MS = 45_000;
const FRAME_LIMIT_MS = 200;

/** Pure: one line on what was seen. */
export function reportLine({ discovered, ...report }: StreamReport, via: ReachedStream['via']): string {
  const { framesDecoded, firstFrameMs, blackFrames, changedFrames } = report;
  const size = `${discovered.codec} ${discovered.width}x${discovered.height}`;
  const first = firstFrameMs === null ? '' : `, the first after ${firstFrameMs} ms`;
  const way = via === 'direct' ? 'directly' : 'through ssh';
  return `${framesDecoded} frames of ${size} ${way}${first}; ${blackFrames} black, ${changedFrames} changed`;
}

/**
 * Decodes so many frames, without a window.
 *
 * @throws EcsHostError (outside) `STREAM_BAD` when they are fewer, black or still
 */
export async function judgeFrames({ reached, key }: HostStream, frames: number, signal: AbortSignal) {
  const { host, ports, via } = reached;
  const timeoutMs = FRAMES_LIMIT_MS + frames * FRAME_LIMIT_MS;
  const report = await receiveStream({ host, ports, key, frames, timeoutMs, signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof EcsHostError) throw error;
    throw outsideError('STREAM_BAD', `There is no stream: ${reasonOf(error)}.`);
  });
  const line = reportLine(report, via);
  if (report.framesDecoded < frames || !isVisible(report) || (frames > 1 && !isMoving(report)))
    throw outsideError('STREAM_BAD', `The stream is not as it should be: ${line}.`);
  return { report, line };
}
