/** A step that ended, as a record keeps it; `stage` is the title of the top-level step. */
export type Span = {
  readonly name: string;
  readonly stage: string;
  readonly durationMs: number;
  readonly outcome: 'ok' | 'failed' | 'skipped';
};
