import { STARTS_FOLDER } from '#contracts/host-service.ts';
import type { RemoteResult, Ssh } from '../../host-access/ssh.ts';
import { outsideError } from '../../io/errors.ts';
import type { SpanHandle } from '../../io/reporter.ts';
import { shellQuote } from '../../io/shell-quote.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import type { CheckBook } from './check-book.ts';

type Workload = BuildPlan['developerWorkload'];

const FOLDER = 'container-images';
const MINUTES = 60_000;

/**
 * Pure: clone, check out the configured ref, then the submodules at their recorded commits or, where the configuration
 * says so, at refs of their own.
 */
export function cloneCommand({ repository, ref, submoduleRefs }: Workload): string {
  const git = `git -C ${FOLDER}`;
  const steps = [
    `rm -rf ${FOLDER}`,
    `git clone --quiet --recurse-submodules ${shellQuote(repository)} ${FOLDER}`,
    `${git} checkout --quiet ${shellQuote(ref)}`,
    `${git} submodule --quiet update --init --recursive`,
    ...Object.entries(submoduleRefs).flatMap(([path, submoduleRef]) => {
      const inside = `git -C ${FOLDER}/${shellQuote(path)}`;
      return [`${inside} fetch --quiet origin ${shellQuote(submoduleRef)}`, `${inside} checkout --quiet FETCH_HEAD`];
    }),
    `${git} rev-parse HEAD`,
  ];
  return steps.join(' && ');
}

/** The scripts of the repository, run the way a developer runs them: as the login user, in the repository. */
function script(workload: Workload, command: string): string {
  return `cd ${FOLDER} && ${workload.baseImageRegistry === '' ? '' : `BASE_IMAGE_REGISTRY=${shellQuote(workload.baseImageRegistry)} `}${command}`;
}

function lastLine({ stdout, stderr }: RemoteResult): string {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' | ');
}

/**
 * Runs one command of the workload as one check. @throws EcsHostError `WORKLOAD_FAILED` so that what builds on it is
 * left out
 */
async function step(
  ssh: Ssh,
  book: CheckBook,
  span: SpanHandle,
  what: { readonly id: string; readonly command: string; readonly timeoutMs: number },
): Promise<RemoteResult> {
  const result = await ssh.run(what.command, {
    timeoutMs: what.timeoutMs,
    onLine: (line) => {
      if (line.trim() !== '') span.progress(line);
    },
  });
  book.record(what.id, {
    actual: `exit code ${result.exitCode}`,
    isCorrect: result.exitCode === 0,
    durationMs: result.durationMs,
    ...(result.exitCode === 0 ? {} : { reason: lastLine(result) }),
  });
  if (result.exitCode !== 0)
    throw outsideError(
      'WORKLOAD_FAILED',
      `${what.id} ended with exit code ${result.exitCode}`,
      undefined,
      lastLine(result),
    );
  return result;
}

/** Clones; needs no Docker, so it can run as soon as ssh answers. */
export async function cloneWorkload(ssh: Ssh, workload: Workload, book: CheckBook, span: SpanHandle): Promise<void> {
  await step(ssh, book, span, { id: 'workload.clone', command: cloneCommand(workload), timeoutMs: 5 * MINUTES });
}

export async function buildWorkload(ssh: Ssh, workload: Workload, book: CheckBook, span: SpanHandle): Promise<void> {
  await step(ssh, book, span, {
    id: 'workload.build-protocol',
    command: script(workload, './build_protocol.sh'),
    timeoutMs: 15 * MINUTES,
  });
  await step(ssh, book, span, {
    id: 'workload.build-image',
    command: script(workload, `./build_container_image.sh ${shellQuote(workload.app)}`),
    timeoutMs: 15 * MINUTES,
  });
}

/**
 * Every container that runs was seen by the witness before it did; the agent's own, where the agent is one, as
 * well.
 */
async function checkWitnessed(ssh: Ssh, book: CheckBook): Promise<void> {
  const running = (await ssh.run('docker ps --quiet --no-trunc')).stdout.split('\n').filter(Boolean);
  const record = (await ssh.run(`sudo sh -c 'cat ${STARTS_FOLDER}/record*.ndjson'`)).stdout;
  const missing = running.filter((id) => !record.includes(`"id":"${id}"`));
  book.record('workload.witnessed', {
    actual:
      missing.length === 0 && running.length > 0
        ? 'all on the record'
        : `${missing.length} of ${running.length} are not`,
    isCorrect: missing.length === 0 && running.length > 0,
  });
}

/**
 * Starts the container and reads the key that a client needs. The key is read over ssh and is in no command line and no
 * log.
 */
export async function runWorkload(
  ssh: Ssh,
  workload: Workload,
  book: CheckBook,
  span: SpanHandle,
): Promise<Uint8Array> {
  const { stdout } = await step(ssh, book, span, {
    id: 'workload.run',
    command: script(workload, `./run_container_image.sh ${shellQuote(workload.app)}`),
    timeoutMs: 2 * MINUTES,
  });
  await checkWitnessed(ssh, book);
  const path = keyPathIn(stdout);
  if (path === null)
    throw outsideError('WORKLOAD_FAILED', 'run_container_image.sh did not say where the key is', undefined, stdout);
  const { exitCode, stdout: hex } = await ssh.run(`od -An -v -tx1 ${shellQuote(path)}`);
  const key = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  if (exitCode !== 0 || key.length === 0) throw outsideError('WORKLOAD_FAILED', `the key at ${path} could not be read`);
  return key;
}

/** Pure: the path on the line that ends with one and names the key. */
export function keyPathIn(stdout: string): string | null {
  return /key[^\n]*?[\s=:](\/[^\s'"]+)/i.exec(stdout)?.[1] ?? null;
}
