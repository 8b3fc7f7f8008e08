import type { ProvisionEvent } from '#contracts/provision-event.ts';
import type { RunLog } from './run-log.ts';

type Out = { write(text: string): unknown; readonly isTTY?: boolean };

const WIDTH = 42;
const TICK_MS = 1000;

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(7)} s`;
}

/** Turns events into lines for a person, and counts them. On a terminal the step that runs has a line with its time. */
export class Progress {
  readonly #out: Out;
  readonly #log: RunLog;
  readonly counts = { changed: 0, unchanged: 0, failed: 0, correct: 0, incorrect: 0, skipped: 0 };
  readonly badChecks: string[] = [];
  /** What runs, for whoever interrupts. */
  now = '';
  #ticking: NodeJS.Timeout | null = null;

  constructor(out: Out, log: RunLog) {
    this.#out = out;
    this.#log = log;
  }

  take(event: ProvisionEvent): void {
    this.#log.line(JSON.stringify(event));
    if (event.type === 'step-start') this.#begin(event.provisioner, event.step);
    else if (event.type === 'step-end') this.#end(event);
    else if (event.type === 'check') this.#check(event.check);
  }

  /** A heading above the steps that follow. */
  head(text: string): void {
    this.#log.line(text);
    this.#out.write(`${text}\n`);
  }

  /** Takes away the line of the step that runs. */
  clear(): void {
    if (this.#ticking) clearInterval(this.#ticking);
    this.#ticking = null;
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
  }

  #begin(part: string, step: string): void {
    this.now = `${part}: ${step}`;
    if (!this.#out.isTTY) return;
    const startedAt = performance.now();
    const show = (): void => {
      this.#out.write(`\r\x1b[K  ${step.padEnd(WIDTH)} ...      ${seconds(performance.now() - startedAt)}`);
    };
    show();
    this.#ticking = setInterval(show, TICK_MS);
    this.#ticking.unref();
  }

  #end({ step, outcome, durationMs, error }: Extract<ProvisionEvent, { type: 'step-end' }>): void {
    this.clear();
    this.counts[outcome] += 1;
    this.#out.write(`  ${step.padEnd(WIDTH)} ${outcome.padEnd(9)}${seconds(durationMs)}\n`);
    if (error !== undefined) this.#out.write(`    ${error}\n`);
  }

  #check({ id, title, verdict, expected, actual, reason }: Extract<ProvisionEvent, { type: 'check' }>['check']): void {
    if (verdict === 'correct' || verdict === 'skipped') {
      this.counts[verdict] += 1;
      return;
    }
    this.counts.incorrect += 1;
    this.badChecks.push(
      `${id}: ${title}: ${expected} expected, ${actual}${reason === undefined ? '' : ` (${reason})`}`,
    );
  }
}
