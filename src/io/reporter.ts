import type { Check } from '#contracts/check.ts';
import type { ErrorDetail } from './errors.ts';
import type { CodeWith, NoteCode, WarningCode } from './messages.ts';

type Remark = { readonly text: string; readonly hint?: string };

/**
 * The core never prints: it sends these to a Reporter. `code` is the contract (messages.ts), prose is not.
 * Spans nest by `parent`; a reporter may show them as a tree (terminal), lines (CI) or NDJSON.
 */
export type Message =
  | {
      readonly type: 'span-start';
      readonly id: string;
      readonly parent: string | null;
      readonly title: string;
      /** How long the work goes on before it gives up by itself. */
      readonly limitMs?: number;
      /** How long it usually took on this machine; not there for a step that has not ended well yet. */
      readonly expectedMs?: number;
    }
  | { readonly type: 'span-progress'; readonly id: string; readonly text: string }
  | {
      readonly type: 'span-end';
      readonly id: string;
      readonly outcome: 'ok' | 'failed' | 'skipped';
      readonly durationMs: number;
      readonly note?: string;
    }
  | { readonly type: 'check'; readonly span: string | null; readonly check: Check }
  | ({ readonly type: 'note'; readonly code: NoteCode } & Remark)
  | ({ readonly type: 'warning'; readonly code: Exclude<WarningCode, CodeWith<'details'>> } & Remark)
  | ({
      readonly type: 'warning';
      readonly code: WarningCode & CodeWith<'details'>;
      readonly details: readonly ErrorDetail[];
    } & Remark);

export type Reporter = {
  emit(message: Message): void;
  /** Flushes and gives the terminal back; safe to call twice. */
  close(): Promise<void>;
};

/** Shared by every verb: where messages go, when to stop, who owns what is made. */
export type RunContext = {
  readonly runId: string;
  readonly reporter: Reporter;
  /** Aborted on Ctrl-C/SIGTERM; every long step listens to it. */
  readonly signal: AbortSignal;
  /** Runs `work` as a span (start, end, duration, outcome), nested under the span in which it is called. */
  span<T>(title: string, work: (span: SpanHandle) => Promise<T>, limitMs?: number): Promise<T>;
};

export type SpanHandle = {
  readonly id: string;
  progress(text: string): void;
  check(check: Check): void;
  /** Opens a child by hand, for work whose start and end come from another process's event stream. */
  child(
    title: string,
    limitMs?: number,
  ): {
    progress(text: string): void;
    end(outcome: 'ok' | 'failed' | 'skipped', note?: string): void;
  };
};
