/**
 * What can go wrong in set-up, sorted by who must act. Same exit codes as the command line: 2 the user, 3 an outside
 * tool or service.
 */
export class SetupError extends Error {
  /**
   * @param {'user' | 'outside'} kind
   * @param {string} reason one sentence
   * @param {{ where?: string, hint?: string, output?: string }} [more]
   */
  constructor(kind, reason, more = {}) {
    super(reason);
    this.name = 'SetupError';
    this.kind = kind;
    this.where = more.where;
    this.hint = more.hint;
    this.output = more.output;
  }

  get exitCode() {
    return this.kind === 'user' ? 2 : 3;
  }
}

/**
 * How many lines of a failed command's output are worth showing, from its beginning and from its end: tools differ in
 * where they say why.
 */
const OUTPUT_LINES = 12;

/**
 * @param {unknown} error
 * @returns {{ text: string, exitCode: number }}
 */
export function renderError(error) {
  if (!(error instanceof SetupError)) {
    const text = error instanceof Error ? error.stack : String(error);
    return { text: `set-up: a bug in this program\n${text}`, exitCode: 1 };
  }
  const lines = [`set-up: ${error.message}`];
  if (error.where !== undefined) lines.push(`  where: ${error.where}`);
  if (error.hint !== undefined) lines.push(...`hint: ${error.hint}`.split('\n').map((line) => `  ${line}`));
  if (error.output) {
    const output = error.output.trimEnd().split('\n');
    const left = output.length - 2 * OUTPUT_LINES;
    const shown =
      left <= 1 ? output : [...output.slice(0, OUTPUT_LINES), `... ${left} lines ...`, ...output.slice(-OUTPUT_LINES)];
    lines.push('  output:', ...shown.map((line) => `    ${line}`));
  }
  return { text: lines.join('\n'), exitCode: error.exitCode };
}
