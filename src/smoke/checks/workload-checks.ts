import type { RemoteResult, Ssh } from '../../host-access/ssh.ts';
import type { SpanHandle } from '../../io/reporter.ts';
import { type Brought, bringStep } from '../../workload/brought.ts';
import { buildImageStep, buildProtocolStep, runStep, type Step, type Workload } from '../../workload/commands.ts';
import { follow, lastLines, stepFailed } from '../../workload/follow.ts';
import { readKey } from '../../workload/key.ts';
import { notOnRecord } from '../remote-facts.ts';
import type { CheckBook } from './check-book.ts';

/**
 * Runs one command of the workload as one check. @throws EcsHostError `WORKLOAD_FAILED` so that what builds on it is
 * left out
 */
async function check(ssh: Ssh, book: CheckBook, span: SpanHandle, step: Step): Promise<RemoteResult> {
  const id = `workload.${step.id}`;
  const result = await follow(ssh, step, span);
  book.record(id, {
    actual: `exit code ${result.exitCode}`,
    isCorrect: result.exitCode === 0,
    durationMs: result.durationMs,
    ...(result.exitCode === 0 ? {} : { reason: lastLines(result) }),
  });
  if (result.exitCode !== 0) throw stepFailed(id, result);
  return result;
}

/** Clones, or carries a folder; needs no Docker, so it can run as soon as ssh answers. */
export async function placeWorkload(ssh: Ssh, brought: Brought, book: CheckBook, span: SpanHandle): Promise<void> {
  await check(ssh, book, span, bringStep(brought));
}

export async function buildWorkload(ssh: Ssh, workload: Workload, book: CheckBook, span: SpanHandle): Promise<void> {
  await check(ssh, book, span, buildProtocolStep(workload));
  await check(ssh, book, span, buildImageStep(workload));
}

/**
 * Every container that runs was seen by the witness before it did; the agent's own, where the agent is one, as
 * well.
 */
async function checkWitnessed(ssh: Ssh, book: CheckBook): Promise<void> {
  const running = (await ssh.run('docker ps --quiet --no-trunc')).stdout.split('\n').filter(Boolean);
  const missing = await notOnRecord(ssh, running);
  book.record('workload.witnessed', {
    actual:
      missing.length === 0 && running.length > 0
        ? 'all on the record'
        : `${missing.length} of ${running.length} are not`,
    isCorrect: missing.length === 0 && running.length > 0,
  });
}

/** Starts the container. @returns the key that a client needs */
export async function runWorkload(
  ssh: Ssh,
  workload: Workload,
  book: CheckBook,
  span: SpanHandle,
): Promise<Uint8Array> {
  const { stdout } = await check(ssh, book, span, runStep(workload));
  await checkWitnessed(ssh, book);
  return readKey(ssh, stdout);
}
