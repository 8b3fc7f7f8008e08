/** A step that ended, as a record keeps it; `stage` is the title of the top-level step. */
export type Span = {
  readonly name: string;
  readonly stage: string;
  readonly durationMs: number;
  readonly outcome: 'ok' | 'failed' | 'skipped';
};

/** When a step of a bake was at work, by the clock of the build instance, in seconds since 1970. */
export type StepTime = { readonly name: string; readonly from: number; readonly to: number };
