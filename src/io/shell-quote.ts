/** For a POSIX shell, whatever the text holds. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Quotes only where a reader would miss them. */
const word = (text: string): string => (/^[\w./:=@%+,-]+$/.test(text) ? text : shellQuote(text));

/** A line to paste: variables, program, arguments. */
export const commandLine = (
  variables: Readonly<Record<string, string | undefined>>,
  words: readonly string[],
): string =>
  [
    ...Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${word(value)}`)),
    ...words.map(word),
  ].join(' ');
