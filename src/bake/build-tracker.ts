import { type Check, isFailed } from '#contracts/check.ts';
import { type ProvisionEvent, provisionEventOf } from '#contracts/provision-event.ts';
import { formatDuration } from '../io/duration.ts';
import { SSH_TIMEOUT_MIN } from '../render/template.ts';
import type { Span } from '../run/span.ts';
import type { MachineLine } from './machine-readable.ts';
import { type PhaseName, phaseOf, stripTarget } from './phases.ts';

/** What the tracker tells the outside; `SpanHandle` of the reporter fits. */
export type TrackerSink = {
  progress(text: string): void;
  check(check: Check): void;
  child(
    title: string,
    limitMs?: number,
  ): {
    progress(text: string): void;
    end(outcome: 'ok' | 'failed' | 'skipped', note?: string): void;
  };
};

export type BuildOutcome = {
  readonly imageId: string | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly checks: readonly Check[];
  readonly spans: readonly Span[];
  /** The provisioner step that failed last: the most precise reason there is. */
  readonly failedStep: { readonly provisioner: string; readonly step: string; readonly error: string } | null;
  /** Checks of the provisioners' own verify that did not hold. */
  readonly failedChecks: readonly Check[];
  /** Packer's own error lines, in order. */
  readonly errors: readonly string[];
  /** The last lines that were said, for the error message. */
  readonly tail: readonly string[];
};

const TAIL_LINES = 60;

type OpenSpan = {
  readonly name: string;
  readonly startedAt: number;
  readonly handle: ReturnType<TrackerSink['child']>;
};

/**
 * Turns Packer's records into spans: one for each phase and, inside `provision`, one for each provisioner with its steps as progress.
 * Knows no clock of its own and no process, so recorded streams test it.
 */
export function createBuildTracker(
  sink: TrackerSink,
  now: () => number,
): { take(line: MachineLine): void; finish(outcome: 'ok' | 'failed'): BuildOutcome } {
  const spans: Span[] = [];
  const checks: Check[] = [];
  const errors: string[] = [];
  const tail: string[] = [];
  let versions: Record<string, string> = {};
  let imageId: string | null = null;
  let failedStep: BuildOutcome['failedStep'] = null;
  let phase: (OpenSpan & { name: PhaseName }) | null = null;
  let provisioner: OpenSpan | null = null;
  let runningStep: string | null = null;

  const open = <Name extends string>(name: Name): OpenSpan & { name: Name } => ({
    name,
    startedAt: now(),
    handle: sink.child(name, name === 'wait for ssh' ? SSH_TIMEOUT_MIN * 60_000 : undefined),
  });
  const shut = (span: OpenSpan, outcome: 'ok' | 'failed', note?: string): void => {
    spans.push({ name: span.name, stage: 'bake', durationMs: Math.round(now() - span.startedAt), outcome });
    span.handle.end(outcome, note);
  };
  const shutProvisioner = (outcome: 'ok' | 'failed', note?: string): void => {
    if (provisioner) shut(provisioner, outcome, note);
    provisioner = null;
    runningStep = null;
  };
  const enter = (name: PhaseName): void => {
    if (phase?.name === name) return;
    // The last thing that a good build does before it cleans up is tagging; out of any other phase clean-up means failure.
    const failed = name === 'clean up' && phase !== null && phase.name !== 'tag image';
    shutProvisioner(failed ? 'failed' : 'ok');
    if (phase) shut(phase, failed ? 'failed' : 'ok');
    phase = open(name);
  };
  // Once packer cleans up, what it says no longer tells why: the tail ends where the work ended.
  const remember = (text: string): void => {
    if (phase?.name === 'clean up') return;
    for (const line of text.split('\n')) tail.push(line);
    if (tail.length > TAIL_LINES) tail.splice(0, tail.length - TAIL_LINES);
  };

  const takeEvent = (event: ProvisionEvent): void => {
    switch (event.type) {
      case 'provisioner-start':
        shutProvisioner('ok');
        provisioner = open(`provision: ${event.provisioner}`);
        break;
      case 'step-start':
        runningStep = event.step;
        provisioner?.handle.progress(`${event.step} ...`);
        break;
      case 'step-end': {
        runningStep = null;
        const took = formatDuration(event.durationMs);
        const how = event.outcome === 'unchanged' ? ' (nothing to do)' : event.outcome === 'failed' ? ' FAILED' : '';
        provisioner?.handle.progress(`${event.step} ${took}${how}`);
        spans.push({
          name: `${event.provisioner}: ${event.step}`,
          stage: 'bake',
          durationMs: event.durationMs,
          outcome: event.outcome === 'failed' ? 'failed' : event.outcome === 'unchanged' ? 'skipped' : 'ok',
        });
        if (event.outcome === 'failed') {
          const error = event.error ?? 'no reason was given';
          failedStep = { provisioner: event.provisioner, step: event.step, error };
          remember(`${event.provisioner}: ${event.step}: ${error}`);
        }
        break;
      }
      case 'check':
        checks.push(event.check);
        sink.check(event.check);
        break;
      case 'versions':
        versions = { ...versions, ...event.versions };
        break;
      case 'provisioner-end':
        shutProvisioner(event.outcome === 'ok' ? 'ok' : 'failed');
        break;
    }
  };

  const takeUi = (kind: string, text: string, rawText: string): void => {
    const event = provisionEventOf(rawText);
    if (event) {
      takeEvent(event);
      return;
    }
    const said = stripTarget(text);
    // Remote stderr arrives as `error` too, so only sentences of the builder itself open a phase.
    const next = kind === 'say' || said.startsWith('Cancelling build') ? phaseOf(text) : null;
    if (next) enter(next);
    remember(said);
    const first = said.split('\n')[0] ?? '';
    if (first.trim() === '') return;
    if (provisioner) provisioner.handle.progress(runningStep === null ? first : `${runningStep}: ${first}`);
    else (phase?.handle ?? sink).progress(first);
  };

  return {
    take: (line) => {
      const [first = '', second = '', third = ''] = line.data;
      if (line.category === 'ui') takeUi(first, second, line.rawData[1] ?? '');
      else if (line.category === 'error') {
        errors.push(first);
      } else if (line.category === 'artifact' && second === 'id') {
        imageId = third.split(',')[0]?.split(':')[1] ?? null;
      }
    },
    finish: (outcome) => {
      shutProvisioner(outcome);
      if (phase) shut(phase, outcome);
      phase = null;
      const failedChecks = checks.filter(isFailed);
      return { imageId, versions, checks, spans, failedStep, failedChecks, errors, tail: [...tail] };
    },
  };
}
