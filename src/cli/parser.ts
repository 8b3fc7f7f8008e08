import yargs, { type Argv, type Options } from 'yargs';
import { DETAILS, EXAMPLES, linksText, programEpilogue } from './help-texts.ts';
import { checkOptions, checkTyped, checkWords } from './option-mistakes.ts';
import { usageMistake } from './usage-mistakes.ts';
import { commandOf, defaultOf, nameOf, splitTyped, type VerbModule, wordsOf } from './verb-module.ts';

function showExamples(parser: Argv, examples: (typeof EXAMPLES)[string] = []): void {
  for (const [line, says] of examples) parser.example(line, says);
}

/** A verb with its examples, and with the checks that yargs does not make. */
function complete(
  verb: VerbModule,
  path: readonly string[],
  given: { readonly typed: readonly string[]; readonly command: readonly string[]; readonly width: number },
): VerbModule {
  const { typed, command, width } = given;
  const own = [...path, nameOf(verb)];
  if (verb.members) {
    const members = verb.members.map((member) => complete(member, own, given));
    const byDefault = defaultOf(members);
    const withMembers = (parser: Argv): Argv => {
      members.reduce((all, member) => all.command(member), parser).demandCommand(byDefault ? 0 : 1);
      // One of each; the rest is in the help of the member. yargs adds what the default has to say.
      for (const member of members)
        if (member !== byDefault) showExamples(parser, EXAMPLES[[...own, nameOf(member)].join(' ')]?.slice(0, 1));
      return byDefault ? parser : parser.epilogue(linksText(width));
    };
    return { ...verb, builder: withMembers, members };
  }
  const options: Readonly<Record<string, Options>> = verb.options ?? {};
  const withOptions = (parser: Argv): Argv => {
    const name = own.join(' ');
    const details = DETAILS[name];
    if (details !== undefined) parser.usage(`ecs-host ${commandOf(verb)}\n\n${String(verb.describe)}\n\n${details}`);
    showExamples(parser, EXAMPLES[name]);
    return parser.options(options).epilogue(linksText(width));
  };
  return {
    ...verb,
    builder: withOptions,
    handler: async (argv) => {
      checkTyped(options, typed);
      checkOptions(options, argv);
      checkWords(wordsOf(verb), argv);
      await verb.handler(verb.takesCommand === true ? { ...argv, command } : argv);
    },
  };
}

/** The parser of the whole command line. `width` is where help wraps. */
export function buildParser(typed: readonly string[], verbs: readonly VerbModule[], width: number): Argv {
  const { own, command } = splitTyped(verbs, typed);
  const parser = yargs([...own])
    .scriptName('ecs-host')
    .usage('$0 <verb>\n\nBakes and proves the machine image of a GPU container host for Amazon ECS.')
    .locale('en')
    // `--account 1 2` would eat the words behind it, and `--config.x` would be an object.
    .parserConfiguration({ 'greedy-arrays': false, 'dot-notation': false })
    .version(false)
    .alias('help', 'h')
    .strict()
    .demandCommand(1)
    .wrap(width)
    .exitProcess(false)
    .fail((message, error) => {
      // yargs' own errors have no message of their own, or are of its own class.
      if (error && error.name !== 'YError') throw error;
      throw usageMistake(message || error.message, own, verbs);
    })
    .epilogue(programEpilogue(width));
  return verbs.reduce((all, verb) => all.command(complete(verb, [], { typed: own, command, width })), parser);
}
