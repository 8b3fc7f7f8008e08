import { rm, rmdir } from 'node:fs/promises';
import { EcsHostError } from '../io/errors.ts';
import { drainThenExit } from '../io/output.ts';
import { bundleFolder, runFolder } from '../io/paths.ts';
import type { Message, Reporter, RunContext } from '../io/reporter.ts';
import { type Sources, sourcesOf } from '../lab-client/sources.ts';
import { createContext } from '../run/context.ts';
import { newRunId } from '../run/run-id.ts';
import type { Span } from '../run/span.ts';
import { expectedOf, keepSamples, readTimings } from '../run/timings.ts';
import { type Argv, textOf } from './arguments.ts';
import { kindOfRun, Recorder } from './recorder.ts';

/** The arguments that most verbs share, as yargs leaves them. */
export type CommonArguments = {
  readonly region: string;
  readonly profile: string | null;
  readonly configFile: string;
  readonly json: boolean;
};

export function commonArguments(argv: Argv): CommonArguments {
  return {
    region: textOf(argv, 'region') ?? 'local',
    profile: textOf(argv, 'profile'),
    configFile: textOf(argv, 'config') ?? 'hosts.yaml',
    json: argv['json'] === true,
  };
}

export type Session = RunContext & {
  /** Spans that ended so far, for the record; `stage` is the title of the top-level span. */
  readonly spans: () => readonly Span[];
  /** This run does less than its verb says: how long it takes is no measure of the next one. */
  readonly leaveUntimed: () => void;
  /** Where a lab takes what only the internet has. */
  readonly sources: Sources;
  /** Ends the run as Ctrl-C does, but for this reason. */
  readonly abort: (reason: EcsHostError) => void;
};

/** Warnings and notes, without the story. */
function remarksOf(inner: Reporter): Reporter {
  return {
    emit: (message) => {
      if (message.type === 'warning' || message.type === 'note') inner.emit(message);
    },
    close: () => inner.close(),
  };
}

async function chooseReporter(argv: Argv, expectedMs: number | null): Promise<Reporter> {
  if (argv['json'] === true) return (await import('../io/reporters/ndjson.ts')).ndjsonReporter(process.stdout);
  if (argv['silent'] === true)
    return remarksOf((await import('../io/reporters/plain.ts')).plainReporter(process.stderr));
  const interactive = process.stderr.isTTY === true && process.stdout.isTTY === true && !process.env['CI'];
  if (interactive && argv['plain'] !== true) {
    const { terminalReporter } = await import('../io/reporters/terminal.ts');
    return terminalReporter(process.stderr, { expectedMs });
  }
  return (await import('../io/reporters/plain.ts')).plainReporter(process.stderr);
}

async function startRecorder(argv: Argv): Promise<Recorder> {
  const kind = kindOfRun(argv);
  const timings = await readTimings();
  const inner = await chooseReporter(argv, expectedOf(timings, kind));
  return new Recorder(inner, { kind, timings });
}

/** A run that ended before it packed its bundle leaves none, and one that left nothing (`plan`) has no folder. */
async function removeEmptyRun(runId: string): Promise<void> {
  await rm(bundleFolder(runId), { recursive: true, force: true });
  await rmdir(runFolder(runId)).catch(() => undefined);
}

/** What the first and the second Ctrl-C are answered. */
const RELEASING: readonly Message[] = [
  { type: 'note', code: 'STOPPING', text: 'Stopping: releasing what this run made.' },
  {
    type: 'note',
    code: 'STILL_STOPPING',
    text: 'Still releasing. Once more leaves the rest behind; `ecs-host sweep` removes it.',
  },
];
const KEEPING: readonly Message[] = [
  { type: 'note', code: 'STOPPING', text: 'Stopping after what is under way; what was done stays.' },
  { type: 'note', code: 'STILL_STOPPING', text: 'Still under way. Once more does not wait for it.' },
];

function interruption(cause: unknown, keeps: boolean): EcsHostError {
  // Whoever keeps what was made has said what that is.
  if (keeps && cause instanceof EcsHostError && cause.code !== 'INTERRUPTED') return cause;
  if (keeps)
    return new EcsHostError('interrupted', 'INTERRUPTED', 'Interrupted before anything was changed.', { cause });
  return new EcsHostError('interrupted', 'INTERRUPTED', 'Interrupted; what this run made was released.', {
    hint: '`ecs-host sweep --dry-run` shows whether anything is left',
    cause,
  });
}

/**
 * The frame around every long verb: run id, progress, and Ctrl-C. The first SIGINT or SIGTERM aborts the run, which
 * then cleans up after itself; a second one says that it is still at it; the third gives up (and leaves the rest to
 * `ecs-host sweep`).
 *
 * @param keeps what was made is kept when the run is interrupted, and `work` throws an error that says what that is
 * @throws EcsHostError `INTERRUPTED` (130) when the run ended because of a signal; what it was aborted with
 */
export async function withSession<T>(
  argv: Argv,
  work: (session: Session) => Promise<T>,
  { keeps = false }: { readonly keeps?: boolean } = {},
): Promise<T> {
  const sources = sourcesOf(argv['sources'], process.env);
  const controller = new AbortController();
  const reporter = await startRecorder(argv);
  const startedAt = performance.now();
  let isDone = false;
  let isTimed = true;
  let signals = 0;
  const onSignal = (): void => {
    const note = (keeps ? KEEPING : RELEASING)[signals];
    signals += 1;
    if (note) reporter.emit(note);
    else drainThenExit(130);
    if (signals === 1) controller.abort(new EcsHostError('interrupted', 'INTERRUPTED', 'Interrupted.'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const runId = newRunId();
  try {
    const abort = (reason: EcsHostError): void => controller.abort(reason);
    const context = createContext({ runId, reporter, signal: controller.signal });
    const leaveUntimed = (): void => {
      isTimed = false;
    };
    const result = await work({ ...context, spans: () => reporter.spans(), leaveUntimed, sources, abort });
    isDone = !controller.signal.aborted;
    return result;
  } catch (error) {
    const { aborted, reason } = controller.signal;
    if (!aborted) throw error;
    throw reason instanceof EcsHostError && reason.kind !== 'interrupted' ? reason : interruption(error, keeps);
  } finally {
    await reporter.close();
    await keepSamples(reporter.samples(isDone && isTimed ? performance.now() - startedAt : null));
    await removeEmptyRun(runId);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/**
 * A run within a session, with an id, spans and resources of its own: several go on side by side, and none sweeps what
 * another made. Its progress is the session's, and so is Ctrl-C.
 *
 * @param argv says what kind of run it is, as if it had been typed: how long its steps take is kept under that
 */
export async function withinSession<T>(outer: Session, argv: Argv, work: (session: Session) => Promise<T>): Promise<T> {
  const { signal, sources, abort } = outer;
  const kind = kindOfRun(argv);
  const inner: Reporter = { emit: (message) => outer.reporter.emit(message), close: async () => {} };
  const reporter = new Recorder(inner, { kind, timings: await readTimings() });
  const runId = newRunId();
  const context = createContext({ runId, reporter, signal, idPrefix: `${runId}/` });
  const startedAt = performance.now();
  let [isDone, isTimed] = [false, true];
  const leaveUntimed = (): void => {
    isTimed = false;
  };
  try {
    const result = await work({ ...context, spans: () => reporter.spans(), leaveUntimed, sources, abort });
    isDone = true;
    return result;
  } finally {
    await keepSamples(reporter.samples(isDone && isTimed ? performance.now() - startedAt : null));
    await removeEmptyRun(runId);
  }
}
