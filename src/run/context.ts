import { AsyncLocalStorage } from 'node:async_hooks';
import { EcsHostError } from '../io/errors.ts';
import type { Reporter, RunContext, SpanHandle } from '../io/reporter.ts';

/** The span in which the running code was called, so that nesting follows the call graph, also under Promise.all. */
const current = new AsyncLocalStorage<string>();

type ContextOptions = {
  readonly runId: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** What span ids begin with, where several runs share a reporter. */
  readonly idPrefix?: string;
};

/** Makes the context of one run. Span ids are unique within it. */
export function createContext({ runId, reporter, signal, idPrefix = '' }: ContextOptions): RunContext {
  const told = new WeakSet<EcsHostError>();
  let lastId = 0;
  const newId = (): string => `${idPrefix}s${++lastId}`;

  const open = (title: string, parent: string | null, limitMs?: number): { id: string; startedAt: number } => {
    const id = newId();
    reporter.emit({ type: 'span-start', id, parent, title, ...(limitMs === undefined ? {} : { limitMs }) });
    return { id, startedAt: performance.now() };
  };
  const shut = (span: { id: string; startedAt: number }, outcome: 'ok' | 'failed' | 'skipped', note?: string): void => {
    const durationMs = Math.round(performance.now() - span.startedAt);
    reporter.emit({ type: 'span-end', id: span.id, outcome, durationMs, ...(note === undefined ? {} : { note }) });
  };
  const handle = (id: string): SpanHandle => ({
    id,
    progress: (text) => reporter.emit({ type: 'span-progress', id, text }),
    check: (check) => reporter.emit({ type: 'check', span: id, check }),
    child: (title, limitMs) => {
      const span = open(title, id, limitMs);
      return {
        progress: (text) => reporter.emit({ type: 'span-progress', id: span.id, text }),
        end: (outcome, note) => shut(span, outcome, note),
      };
    },
  });

  return {
    runId,
    reporter,
    signal,
    span: async (title, work, limitMs) => {
      const span = open(title, current.getStore() ?? null, limitMs);
      try {
        const result = await current.run(span.id, () => work(handle(span.id)));
        shut(span, 'ok');
        return result;
      } catch (error) {
        // Once, where it was thrown: the spans around it fail for the same reason.
        const isNews = error instanceof EcsHostError && !told.has(error);
        if (isNews) told.add(error);
        shut(span, 'failed', isNews ? error.message : undefined);
        throw error;
      }
    },
  };
}
