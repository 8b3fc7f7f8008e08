/** The arguments of a verb, as yargs leaves them. */
export type Argv = Readonly<Record<string, unknown>>;

/** An option's text, or null when it was not given. */
export function textOf(argv: Argv, name: string): string | null {
  const value = argv[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The values of a repeatable option, or null when it was not given. */
export function listOf(argv: Argv, name: string): string[] | null {
  const value = argv[name];
  return Array.isArray(value) && value.length > 0 ? value.map(String) : null;
}

/** For verbs whose result is one document: progress goes to stderr as lines, also with --json. */
export function quietly(argv: Argv): Record<string, unknown> {
  return { ...argv, json: false, plain: true };
}

/** For verbs that hand the terminal on to another program: only what must be known is said. */
export function silently(argv: Argv): Record<string, unknown> {
  return { ...quietly(argv), silent: true };
}
