/** stdout carries results: one JSON document with --json, these lines otherwise. */
export function printResult(json: boolean, document: unknown, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : `${lines.join('\n')}\n`);
}

/** A result among the events of long work: one line with --json. */
export function printEvent(
  json: boolean,
  event: { readonly type: string; readonly [key: string]: unknown },
  lines: readonly string[],
): void {
  process.stdout.write(json ? `${JSON.stringify(event)}\n` : `${lines.join('\n')}\n`);
}
