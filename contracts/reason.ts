/** What went wrong, in the words of whoever threw; anything may be thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where only one line fits; libraries put their advice behind the first. */
export function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
