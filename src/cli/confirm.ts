import { createInterface } from 'node:readline/promises';
import { type EcsHostError, userError } from '../io/errors.ts';

/** Whether somebody sits there who can be asked. With --json stdout belongs to a program. */
export function canAsk(json: boolean): boolean {
  return process.stdin.isTTY === true && !json;
}

export function nobodyToAsk(what: string): EcsHostError {
  return userError('CONFIRMATION', `${what} asks first, and nobody can answer here.`, 'give --yes');
}

/** Asks on the terminal; anything but y is no. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
