import type { Options } from 'yargs';
import { userError } from '../io/errors.ts';

/**
 * yargs makes a list of an option that is given twice and takes an empty value for one. Either would silently act on
 * something else than was asked for (a default, both of two clusters), so both are mistakes, for every verb. Options
 * that are lists may be repeated.
 */
export function checkOptions(
  options: Readonly<Record<string, Options>>,
  argv: Readonly<Record<string, unknown>>,
): void {
  for (const [name, option] of Object.entries(options)) checkOption(name, option, argv[name]);
}

function checkOption(name: string, option: Options, value: unknown): void {
  const values = Array.isArray(value) ? value : [value];
  if (values.length > 1 && option.array !== true)
    throw userError(
      'OPTION_TWICE',
      `--${name} is given ${values.length === 2 ? 'twice' : `${values.length} times`}.`,
      `it takes one value; leave ${values.length === 2 ? 'one' : 'all but one'} of them out`,
    );
  if (values.includes(''))
    throw userError('OPTION_EMPTY', `--${name} is empty.`, 'give it a value, or leave it out for the default');
  if (option.type === 'number' && values.some((each) => typeof each === 'number' && !Number.isFinite(each)))
    throw userError(
      'OPTION_NUMBER',
      `--${name} takes a number.`,
      `for example --${name} ${String(option.default ?? 1)}`,
    );
}

/**
 * What yargs loses: a switch that is given twice, one with a value that is neither `true` nor `false` (it becomes
 * "off"), an empty number (it becomes 0), and an empty value where an option may stand alone.
 */
export function checkTyped(options: Readonly<Record<string, Options>>, typed: readonly string[]): void {
  const switches = new Set<string>();
  for (const [at, word] of typed.entries()) {
    const [, name = '', value = typed[at + 1] ?? null] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const option = options[name];
    const isOptional = option?.type === 'string' && option.coerce !== undefined;
    if (option && (option.type === 'number' || isOptional) && value === '') checkOption(name, option, value);
    if (option?.type !== 'boolean') continue;
    if (switches.has(name)) checkOption(name, option, [true, true]);
    switches.add(name);
    if (word.includes('=') && value !== 'true' && value !== 'false')
      throw userError('OPTION_SWITCH', `--${name} is a switch and takes no value.`, `write --${name} alone`);
  }
}

/** A positional that is there and empty, such as an unset variable in a script. */
export function checkWords(names: readonly string[], argv: Readonly<Record<string, unknown>>): void {
  for (const name of names)
    if (argv[name] === '') throw userError('OPTION_EMPTY', `<${name}> is empty.`, 'a variable may not be set');
}
