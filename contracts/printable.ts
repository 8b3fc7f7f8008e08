/** C0, DEL, C1, and what some terminals and readers take for the end of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * One line of text that is safe in a journal, in a message to systemd and on a terminal, whoever wrote it: no control
 * characters, no half characters, at most `most` UTF-16 units.
 */
export function printable(text: string, most = 2000): string {
  const whole = text.toWellFormed().replaceAll(UNPRINTABLE, ' ');
  return whole.length > most ? `${whole.slice(0, most - 1).toWellFormed()}…` : whole;
}
