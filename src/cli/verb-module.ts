import type { CommandModule, Options } from 'yargs';

/** A row of the table of verbs; a group (`image`, `lab`) has members in place of options. */
export type VerbModule = CommandModule & {
  readonly options?: Readonly<Record<string, Options>>;
  readonly members?: readonly VerbModule[];
  /** It hands on a command, which stands behind `--` and may look like anything. */
  readonly takesCommand?: boolean;
};

/** A verb that was found in what was typed: `path` is `['image', 'show']`. */
export type Found = { readonly path: readonly string[]; readonly verb: VerbModule };

export function nameOf(verb: VerbModule): string {
  return commandOf(verb).split(' ')[0] ?? '';
}

/** `show <image>`: the name and the words that belong to it. */
export function commandOf(verb: VerbModule): string {
  return String([verb.command].flat()[0] ?? '');
}

/** The names in angle brackets: words that must be there. */
export function wordsOf(verb: VerbModule): string[] {
  return [...commandOf(verb).matchAll(/<(\w+)>/g)].map(([, name = '']) => name);
}

/** The names of all words that may stand behind the verb: those in angle brackets must, those in square ones may. */
export function placesOf(verb: VerbModule): string[] {
  return [...commandOf(verb).matchAll(/[<[](\w+)/g)].map(([, name = '']) => name);
}

/** The member that a group runs when none is named: `ecs-host webserver` serves. */
export function defaultOf(members: readonly VerbModule[]): VerbModule | undefined {
  return members.find(({ command }) => Array.isArray(command) && command.includes('$0'));
}

/** The options that may stand behind what was named. */
export function optionsOf(verb: VerbModule): Readonly<Record<string, Options>> {
  return verb.options ?? defaultOf(verb.members ?? [])?.options ?? {};
}

/** The deepest verb that the words name; what comes before or between them may be options and their values. */
export function findVerb(verbs: readonly VerbModule[], words: readonly string[]): Found | null {
  for (const [at, word] of words.entries()) {
    const verb = verbs.find((each) => nameOf(each) === word);
    if (!verb) continue;
    const member = verb.members ? findVerb(verb.members, words.slice(at + 1)) : null;
    return { path: [word, ...(member?.path ?? [])], verb: member?.verb ?? verb };
  }
  return null;
}

/** What was typed for this program, and the command behind `--` that it hands on (as `command` of the arguments). */
export function splitTyped(
  verbs: readonly VerbModule[],
  typed: readonly string[],
): { readonly own: readonly string[]; readonly command: readonly string[] } {
  const at = typed.indexOf('--');
  const own = at < 0 ? typed : typed.slice(0, at);
  return findVerb(verbs, own)?.verb.takesCommand === true
    ? { own, command: at < 0 ? [] : typed.slice(at + 1) }
    : { own: typed, command: [] };
}

/** Every verb that does something, with its path, in the order of the table. */
export function leaves(verbs: readonly VerbModule[], path: readonly string[] = []): Found[] {
  return verbs.flatMap((verb): Found[] => {
    const own = [...path, nameOf(verb)];
    return verb.members ? leaves(verb.members, own) : [{ path: own, verb }];
  });
}
