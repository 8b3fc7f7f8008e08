import type { VerbModule } from '../verb-module.ts';
import { candidates } from './candidates.ts';
import { knownValues } from './known-values.ts';
import { SHELLS, SUPPORT } from './shells.ts';

/**
 * What a shell's script asks for with `--complete SHELL WORDS…`: a line for each candidate. Whatever goes wrong, there
 * are none: the user is writing a command, and a message would stand in the middle of it.
 */
export async function answerShell(typed: readonly string[], verbs: readonly VerbModule[]): Promise<string> {
  const [name, ...words] = typed;
  const shell = SHELLS.find((each) => each === name);
  if (shell === undefined) return '';
  const { words: wordsOf, line } = SUPPORT[shell];
  const valuesOf = (option: string, config: string | null): Promise<readonly string[]> =>
    knownValues(option, config).catch(() => []);
  const found = await candidates(wordsOf(words), verbs, valuesOf).catch(() => []);
  return found.map((candidate) => `${line(candidate)}\n`).join('');
}
