import { inspect } from 'node:util';
import { reasonOf } from '#contracts/reason.ts';
import { EcsHostError } from './errors.ts';
import { type CodeOf, EXIT_CODES } from './messages.ts';
import { projectFolder } from './paths.ts';

const OUTPUT_LINES_SHOWN = 40;

/** The exit code that README documents for whatever ended the program. */
export function exitCodeOf(error: unknown): number {
  return error instanceof EcsHostError ? EXIT_CODES[error.kind] : EXIT_CODES.bug;
}

function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-OUTPUT_LINES_SHOWN).join('\n');
}

function stackOf(error: unknown): string {
  return error instanceof Error ? inspect(error, { colors: false, depth: 4 }) : String(error);
}

/** A bug shows all that a maintainer needs, and where it goes. */
function renderBug(error: unknown): string {
  return [
    `ecs-host: this is a bug in ecs-host: ${reasonOf(error)}`,
    stackOf(error),
    '  please report it, with everything above, the command that you typed and the output of',
    '  `ecs-host --version` and `ecs-host doctor`; after a bake also packer.log of the run (state folder, runs/)',
    `  where: an issue in the repository of this checkout (\`git -C ${projectFolder()} remote -v\`)`,
  ].join('\n');
}

/** One reason, where, one hint; the stack for a bug in this program, and for everything when asked for (`--debug`). */
export function renderError(error: unknown, { debug = false }: { debug?: boolean } = {}): string {
  if (!(error instanceof EcsHostError)) return renderBug(error);
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
  if (debug && error.command !== undefined) lines.push('  to repeat the failing step:', `    ${error.command}`);
  if (debug) lines.push(stackOf(error));
  return lines.join('\n');
}

export function errorAsJson(error: unknown): object {
  return error instanceof EcsHostError
    ? {
        type: 'error',
        kind: error.kind,
        code: error.code,
        reason: error.message,
        hint: error.hint ?? null,
        details: error.details,
        output: error.output === undefined ? null : tail(error.output),
      }
    : {
        type: 'error',
        kind: 'bug',
        code: 'BUG' satisfies CodeOf<'bug'>,
        reason: reasonOf(error),
        hint: `please report it: an issue in the repository of this checkout (git -C ${projectFolder()} remote -v)`,
        details: [],
        output: null,
      };
}
