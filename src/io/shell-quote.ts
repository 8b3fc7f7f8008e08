/** For a POSIX shell, whatever the text holds. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Quotes only where a reader would miss them. */
function word(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : shellQuote(text);
}

/** A line to paste: variables, program, arguments. */
export function commandLine(variables: Readonly<Record<string, string | undefined>>, words: readonly string[]): string {
  return [
    ...Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${word(value)}`)),
    ...words.map(word),
  ].join(' ');
}
