import { stackOf } from '../reason.ts';
/** What was acquired, released in reverse order; one failure does not keep the rest from being released. */
export class Cleanup {
  private readonly steps: { readonly what: string; readonly release: () => Promise<void> | void }[] = [];
  private readonly log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  add(what: string, release: () => Promise<void> | void): void {
    this.steps.push({ what, release });
  }

  async run(): Promise<void> {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      const begun = Date.now();
      try {
        await step.release();
        this.log(`down: ${step.what} (${Date.now() - begun} ms)`);
      } catch (error) {
        this.log(`down: ${step.what} FAILED: ${stackOf(error)}`);
      }
    }
  }
}
