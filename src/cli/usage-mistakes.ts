import { type EcsHostError, userError } from '../io/errors.ts';
import { nearest } from '../io/nearest.ts';
import { type Found, findVerb, nameOf, optionsOf, type VerbModule, wordsOf } from './verb-module.ts';

function list(names: readonly string[], last: 'and' | 'or'): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1)}`;
}

function dashed(name: string): string {
  return name.length > 1 ? `--${name}` : `-${name}`;
}

function usage(reason: string, hint: string): EcsHostError {
  return userError('USAGE', reason, hint);
}

/** `ecs-host image show`, or the program alone. */
function called(found: Found | null): string {
  return ['ecs-host', ...(found?.path ?? [])].join(' ');
}

/** What yargs found wrong with the command line, in this program's words, with a hint that belongs to the verb. */
export function usageMistake(message: string, typed: readonly string[], verbs: readonly VerbModule[]): EcsHostError {
  const found = findVerb(verbs, typed);
  const help = `see \`${called(found)} --help\``;
  const [, kind = '', rest = ''] = /^([^:]+): (.*)$/s.exec(message) ?? [];
  const names = rest.split(', ');
  if (/^Unknown (argument|command)s?$/.test(kind)) return unknown(names[0] ?? '', typed, found, verbs);
  if (kind === 'Not enough arguments following') return usage(`${dashed(rest)} needs a value.`, help);
  if (/^Missing required arguments?$/.test(kind))
    return usage(
      `\`${called(found)}\` needs ${list(
        names.map((name) => `--${name}`),
        'and',
      )}.`,
      help,
    );
  if (message.startsWith('Not enough non-option arguments')) return nothingNamed(found, verbs);
  if (message.startsWith('Invalid values')) return notOneOf(message, help);
  return usage(message, help);
}

function nothingNamed(found: Found | null, verbs: readonly VerbModule[]): EcsHostError {
  const members = found ? found.verb.members : verbs;
  if (members)
    return usage(
      `\`${called(found)}\` needs a word that says what to do.`,
      `one of: ${members.map(nameOf).join(', ')}; see \`${called(found)} --help\``,
    );
  const words = found ? wordsOf(found.verb) : [];
  return usage(
    `\`${called(found)}\` needs ${list(
      words.map((word) => `<${word}>`),
      'and',
    )}.`,
    `see \`${called(found)} --help\``,
  );
}

function unknown(
  name: string,
  typed: readonly string[],
  found: Found | null,
  verbs: readonly VerbModule[],
): EcsHostError {
  const help = `see \`${called(found)} --help\``;
  const isOption = typed.some((word) => word.startsWith('-') && word.replace(/^-+/, '').split('=')[0]?.includes(name));
  if (isOption) {
    const known = Object.keys(found ? optionsOf(found.verb) : {}).concat('help');
    const close = name.length > 1 ? nearest(name, known) : null;
    return usage(
      `\`${called(found)}\` has no option ${dashed(name)}.`,
      close === null ? help : `did you mean --${close}? ${help}`,
    );
  }
  const members = found ? found.verb.members : verbs;
  if (!members) return usage(`\`${called(found)}\` takes no word "${name}".`, help);
  const close = nearest(name, [...members.map(nameOf), ...(found ? [] : ['help'])]);
  return usage(
    found ? `\`${called(found)}\` knows no "${name}".` : `There is no verb "${name}".`,
    close === null ? help : `did you mean \`${called(found)} ${close}\`? ${help}`,
  );
}

/** `Argument: what, Given: "nope", Choices: "grant", "deny"`. */
function notOneOf(message: string, help: string): EcsHostError {
  const [, name = '', given = '', choices = ''] = /Argument: (.+), Given: "(.*)", Choices: (.+)$/m.exec(message) ?? [];
  const known = choices.replaceAll('"', '').split(', ');
  const close = nearest(given, known);
  return usage(
    `"${given}" is nothing that ${name} can be.`,
    `${close === null ? '' : `did you mean ${close}? `}one of: ${known.join(', ')}; ${help}`,
  );
}
