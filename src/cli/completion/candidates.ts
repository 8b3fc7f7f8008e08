import type { Options } from 'yargs';
import { nameOf, optionsOf, placesOf, type VerbModule } from '../verb-module.ts';

/** What may stand at the cursor, and what it means. */
export type Candidate = { readonly value: string; readonly says: string };

/** What an option or a word may be beyond its choices. `config` is the file that the line names before, if it does. */
export type ValuesOf = (name: string, config: string | null) => Promise<readonly string[]>;

/** A shell puts a candidate on the line as it is, where Enter runs it: nothing that a shell would read otherwise. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** No verb of the table: the program takes it before yargs does. */
const HELP: Candidate = { value: 'help', says: 'help of a verb, with examples' };

/** The words before the cursor, read as far as completion needs it. */
type Line = {
  /** What is named so far; null before any verb. */
  readonly verb: VerbModule | null;
  /** What may be named next; null behind a verb that has no members. */
  readonly next: readonly VerbModule[] | null;
  /** Options that were given, by their long names, with their values. */
  readonly given: ReadonlyMap<string, string>;
  /** How many words of its own the verb has. */
  readonly places: number;
  /** The option whose value comes next. */
  readonly waiting: string | null;
  /** Behind `--` or a word that is no verb, where nothing is known any more. */
  readonly isOver: boolean;
};

function optionsAt(verb: VerbModule | null): Readonly<Record<string, Options>> {
  return verb === null ? {} : optionsOf(verb);
}

/** The long name of `--region`, `--region=x` or `-r`. */
function longName(word: string, options: Readonly<Record<string, Options>>): string {
  const name = word.replace(/^-+/, '').split('=')[0] ?? '';
  return Object.keys(options).find((each) => [options[each]?.alias].flat().includes(name)) ?? name;
}

function takesValue(name: string, options: Readonly<Record<string, Options>>): boolean {
  const option = options[name];
  return option !== undefined && option.type !== 'boolean';
}

function readLine(words: readonly string[], verbs: readonly VerbModule[]): Line {
  let line: Line = { verb: null, next: verbs, given: new Map(), places: 0, waiting: null, isOver: false };
  for (const word of words) line = readWord(line, word);
  return line;
}

function readWord(line: Line, word: string): Line {
  if (line.isOver) return line;
  if (line.waiting !== null) return { ...line, waiting: null, given: new Map([...line.given, [line.waiting, word]]) };
  if (word === '--') return { ...line, isOver: true };
  if (word.startsWith('-')) {
    const options = optionsAt(line.verb);
    const name = longName(word, options);
    if (takesValue(name, options) && !word.includes('=')) return { ...line, waiting: name };
    return { ...line, given: new Map([...line.given, [name, word.slice(word.indexOf('=') + 1)]]) };
  }
  if (line.next === null) return { ...line, places: line.places + 1 };
  const verb = line.next.find((each) => nameOf(each) === word);
  return verb ? { ...line, verb, next: verb.members ?? null } : { ...line, isOver: true };
}

function ofVerbs(verbs: readonly VerbModule[]): Candidate[] {
  return verbs.map((verb) => ({ value: nameOf(verb), says: String(verb.describe) }));
}

function ofOptions({ verb, given }: Line): Candidate[] {
  const places = verb === null ? [] : placesOf(verb);
  const options = Object.entries(optionsAt(verb)).filter(
    ([name, option]) => !places.includes(name) && (option.array === true || !given.has(name)),
  );
  return [
    ...options.map(([name, { describe }]) => ({ value: `--${name}`, says: describe ?? '' })),
    { value: '--help', says: 'options and examples' },
    ...(verb === null ? [{ value: '--version', says: 'which version this is' }] : []),
  ];
}

async function ofValues(name: string, { verb, given }: Line, valuesOf: ValuesOf): Promise<Candidate[]> {
  const choices = optionsAt(verb)[name]?.choices;
  const values = choices ? choices.map(String) : await valuesOf(name, given.get('config') ?? null);
  return values.map((value) => ({ value, says: '' }));
}

async function ofLine(line: Line, current: string, valuesOf: ValuesOf): Promise<Candidate[]> {
  if (line.isOver) return [];
  if (line.waiting !== null) return ofValues(line.waiting, line, valuesOf);
  const [, start, option] = /^(--([\w-]+)=)/.exec(current) ?? [];
  if (start !== undefined && option !== undefined) {
    const values = await ofValues(option, line, valuesOf);
    return values.map(({ value, says }) => ({ value: `${start}${value}`, says }));
  }
  if (current.startsWith('-')) return ofOptions(line);
  if (line.next !== null) return ofVerbs(line.next);
  const place = line.verb === null ? undefined : placesOf(line.verb)[line.places];
  const words = place === undefined ? [] : await ofValues(place, line, valuesOf);
  return words.length === 0 && current === '' ? ofOptions(line) : words;
}

/**
 * What may stand in place of the last of the words, from the table of verbs. Nothing when that is not known, and the
 * shell completes names of files.
 */
export async function candidates(
  words: readonly string[],
  verbs: readonly VerbModule[],
  valuesOf: ValuesOf,
): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const isHelp = before[0] === 'help';
  const line = readLine(isHelp ? before.slice(1) : before, verbs);
  const found = isHelp && !line.isOver ? ofVerbs(line.next ?? []) : await ofLine(line, current, valuesOf);
  const isFirst = before.length === 0 && !current.startsWith('-');
  return [...found, ...(isFirst ? [HELP] : [])].filter(({ value }) => value.startsWith(current) && PLAIN.test(value));
}
