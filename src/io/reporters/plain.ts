import type { Check } from '#contracts/check.ts';
import { formatDuration } from '../duration.ts';
import type { Message, Reporter } from '../reporter.ts';

const MARKS = { ok: 'ok  ', failed: 'FAIL', skipped: 'skip' } as const;

/** The line that both the plain and the terminal reporter show for a check. */
export function checkLine(check: Check): string {
  if (check.verdict === 'correct') return `ok    ${check.id}: ${check.actual}`;
  if (check.verdict === 'skipped') return `skip  ${check.id}: ${check.reason ?? 'no reason given'}`;
  const why = check.reason === undefined ? '' : ` (${check.reason})`;
  return `FAIL  ${check.id}: expected ${check.expected}, found ${check.actual}${why}`;
}

/** Lines for a log that nobody scrolls back in: what started, what ended and how long it took. Indented by depth. */
export function plainReporter(out: NodeJS.WritableStream): Reporter {
  const open = new Map<string, { title: string; depth: number }>();
  const line = (depth: number, text: string): void => {
    out.write(`${'  '.repeat(depth)}${text}\n`);
  };
  const emit = (message: Message): void => {
    switch (message.type) {
      case 'span-start': {
        const depth = message.parent === null ? 0 : (open.get(message.parent)?.depth ?? -1) + 1;
        open.set(message.id, { title: message.title, depth });
        line(depth, `..    ${message.title}`);
        break;
      }
      case 'span-progress': {
        const span = open.get(message.id);
        if (span) line(span.depth + 1, `      ${message.text}`);
        break;
      }
      case 'span-end': {
        const span = open.get(message.id);
        if (!span) break;
        open.delete(message.id);
        const note = message.note === undefined ? '' : ` - ${message.note}`;
        line(span.depth, `${MARKS[message.outcome]}  ${span.title} (${formatDuration(message.durationMs)})${note}`);
        break;
      }
      case 'check':
        line((message.span === null ? 0 : (open.get(message.span)?.depth ?? 0)) + 1, checkLine(message.check));
        break;
      case 'note':
      case 'warning':
        line(0, `${message.type === 'warning' ? 'warning: ' : ''}${message.text}`);
        if (message.hint !== undefined) line(1, `hint: ${message.hint}`);
        break;
    }
  };
  return { emit, close: async () => {} };
}
