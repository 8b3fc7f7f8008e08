import { EcsHostError, EXIT_CODES } from './errors.ts';

const OUTPUT_LINES_SHOWN = 40;

/** The exit code that README documents for whatever ended the program. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof EcsHostError ? EXIT_CODES[error.kind] : EXIT_CODES.bug;

const tail = (text: string): string => text.trimEnd().split('\n').slice(-OUTPUT_LINES_SHOWN).join('\n');

/** One reason, where, one hint; the stack only for a bug in this program. */
export const renderError = (error: unknown): string => {
  if (!(error instanceof EcsHostError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `ecs-host: this is a bug in ecs-host, please report it\n${stack}`;
  }
  const lines = [`ecs-host: ${error.message}`];
  for (const detail of error.details) {
    const where = detail.where === undefined ? '' : `${detail.where}: `;
    const key = detail.key === undefined || detail.key === '' ? '' : `${detail.key}: `;
    const code = detail.code === undefined ? '' : ` [${detail.code}]`;
    lines.push(`  ${where}${key}${detail.reason}${code}`);
    if (detail.hint !== undefined) lines.push(`      hint: ${detail.hint}`);
  }
  if (error.output !== undefined && error.output.trim() !== '') {
    lines.push(
      ...tail(error.output)
        .split('\n')
        .map((line) => `  | ${line}`),
    );
  }
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return lines.join('\n');
};

export const errorAsJson = (error: unknown): object =>
  error instanceof EcsHostError
    ? {
        type: 'error',
        kind: error.kind,
        code: error.code,
        reason: error.message,
        hint: error.hint ?? null,
        details: error.details,
      }
    : {
        type: 'error',
        kind: 'bug',
        code: 'BUG',
        reason: error instanceof Error ? error.message : String(error),
        hint: null,
        details: [],
      };
