/** stdout carries results: one JSON document with --json, these lines otherwise. */
export const printResult = (json: boolean, document: unknown, lines: readonly string[]): void => {
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : `${lines.join('\n')}\n`);
};
