import { type Check, isFailed } from '#contracts/check.ts';
import { type ProvisionEvent, provisionEventOf } from '#contracts/provision-event.ts';
import { formatDuration } from '../io/duration.ts';
import { SSH_TIMEOUT_MIN } from '../render/template.ts';
import type { Span, StepTime } from '../run/span.ts';
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
  /** When the provisioners' steps were at work. */
  readonly steps: readonly StepTime[];
  /** What packages' lists came to, by package. */
  readonly packages: Readonly<Record<string, string>>;
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

function howEnded(outcome: 'changed' | 'unchanged' | 'failed'): string {
  return outcome === 'unchanged' ? ' (nothing to do)' : outcome === 'failed' ? ' FAILED' : '';
}

/**
 * Turns Packer's records into spans: one for each phase and, inside `provision`, one for each provisioner with its
 * steps as progress. Knows no clock of its own and no process, so recorded streams test it.
 */
export class BuildTracker {
  readonly #sink: TrackerSink;
  readonly #now: () => number;
  readonly #spans: Span[] = [];
  readonly #steps: StepTime[] = [];
  readonly #checks: Check[] = [];
  readonly #errors: string[] = [];
  readonly #tail: string[] = [];
  #versions: Record<string, string> = {};
  #packages: Record<string, string> = {};
  #imageId: string | null = null;
  #failedStep: BuildOutcome['failedStep'] = null;
  #phase: (OpenSpan & { name: PhaseName }) | null = null;
  #provisioner: OpenSpan | null = null;
  #runningStep: string | null = null;

  constructor(sink: TrackerSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  take(line: MachineLine): void {
    const [first = '', second = '', third = ''] = line.data;
    if (line.category === 'ui') this.#takeUi(first, second, line.rawData[1] ?? '');
    else if (line.category === 'error') this.#errors.push(first);
    else if (line.category === 'artifact' && second === 'id')
      this.#imageId = third.split(',')[0]?.split(':')[1] ?? null;
  }

  finish(outcome: 'ok' | 'failed'): BuildOutcome {
    this.#shutProvisioner(outcome);
    if (this.#phase) this.#shut(this.#phase, outcome);
    this.#phase = null;
    return {
      imageId: this.#imageId,
      versions: this.#versions,
      checks: this.#checks,
      spans: this.#spans,
      steps: this.#steps,
      packages: this.#packages,
      failedStep: this.#failedStep,
      failedChecks: this.#checks.filter(isFailed),
      errors: this.#errors,
      tail: [...this.#tail],
    };
  }

  #open<Name extends string>(name: Name): OpenSpan & { name: Name } {
    const limitMs = name === 'wait for ssh' ? SSH_TIMEOUT_MIN * 60_000 : undefined;
    return { name, startedAt: this.#now(), handle: this.#sink.child(name, limitMs) };
  }

  #shut(span: OpenSpan, outcome: 'ok' | 'failed'): void {
    const durationMs = Math.round(this.#now() - span.startedAt);
    this.#spans.push({ name: span.name, stage: 'bake', durationMs, outcome });
    span.handle.end(outcome);
  }

  #shutProvisioner(outcome: 'ok' | 'failed'): void {
    if (this.#provisioner) this.#shut(this.#provisioner, outcome);
    this.#provisioner = null;
    this.#runningStep = null;
  }

  #enter(name: PhaseName): void {
    const before = this.#phase;
    if (before?.name === name) return;
    // The last thing that a good build does before it cleans up is tagging; out of any other phase clean-up means
    // failure.
    const outcome = name === 'clean up' && before !== null && before.name !== 'tag image' ? 'failed' : 'ok';
    this.#shutProvisioner(outcome);
    if (before) this.#shut(before, outcome);
    this.#phase = this.#open(name);
  }

  /** Once packer cleans up, what it says no longer tells why: the tail ends where the work ended. */
  #remember(text: string): void {
    if (this.#phase?.name === 'clean up') return;
    this.#tail.push(...text.split('\n'));
    if (this.#tail.length > TAIL_LINES) this.#tail.splice(0, this.#tail.length - TAIL_LINES);
  }

  #takeEvent(event: ProvisionEvent): void {
    switch (event.type) {
      case 'provisioner-start':
        this.#shutProvisioner('ok');
        this.#provisioner = this.#open(`provision: ${event.provisioner}`);
        break;
      case 'step-start':
        this.#runningStep = event.step;
        this.#provisioner?.handle.progress(`${event.step} ...`);
        break;
      case 'step-end':
        this.#endStep(event);
        break;
      case 'check':
        this.#checks.push(event.check);
        this.#sink.check(event.check);
        break;
      case 'versions':
        this.#versions = { ...this.#versions, ...event.versions };
        break;
      case 'packages':
        this.#packages = { ...this.#packages, ...event.packages };
        break;
      case 'provisioner-end':
        this.#shutProvisioner(event.outcome === 'ok' ? 'ok' : 'failed');
        break;
    }
  }

  #endStep(event: Extract<ProvisionEvent, { type: 'step-end' }>): void {
    const { provisioner, step, durationMs, endedAt, outcome, error } = event;
    this.#runningStep = null;
    this.#steps.push({ name: `${provisioner}: ${step}`, from: (endedAt - durationMs) / 1000, to: endedAt / 1000 });
    this.#provisioner?.handle.progress(`${step} ${formatDuration(durationMs)}${howEnded(outcome)}`);
    this.#spans.push({
      name: `${provisioner}: ${step}`,
      stage: 'bake',
      durationMs,
      outcome: outcome === 'failed' ? 'failed' : outcome === 'unchanged' ? 'skipped' : 'ok',
    });
    if (outcome !== 'failed') return;
    this.#failedStep = { provisioner, step, error: error ?? 'no reason was given' };
    this.#remember(`${provisioner}: ${step}: ${this.#failedStep.error}`);
  }

  #takeUi(kind: string, text: string, rawText: string): void {
    const event = provisionEventOf(rawText);
    if (event) {
      this.#takeEvent(event);
      return;
    }
    const said = stripTarget(text);
    // Remote stderr arrives as `error` too, so only sentences of the builder itself open a phase.
    const next = kind === 'say' || said.startsWith('Cancelling build') ? phaseOf(text) : null;
    if (next) this.#enter(next);
    this.#remember(said);
    const first = said.split('\n')[0] ?? '';
    if (first.trim() === '') return;
    const step = this.#runningStep;
    if (this.#provisioner) this.#provisioner.handle.progress(step === null ? first : `${step}: ${first}`);
    else (this.#phase?.handle ?? this.#sink).progress(first);
  }
}
