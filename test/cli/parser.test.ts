import { describe, expect, test, vi } from 'vitest';
import { EXAMPLES } from '../../src/cli/help-texts.ts';
import { buildParser } from '../../src/cli/parser.ts';
import { commands } from '../../src/cli/table.ts';
import { leaves, nameOf, type VerbModule } from '../../src/cli/verb-module.ts';

/** The real table, with verbs that only note that they were reached. */
function inert(verbs: readonly VerbModule[], reached: (argv: Record<string, unknown>) => void): VerbModule[] {
  return verbs.map((verb) =>
    verb.members
      ? { ...verb, members: inert(verb.members, reached) }
      : { ...verb, handler: async (argv) => reached(argv) },
  );
}

async function parse(...typed: string[]): Promise<Record<string, unknown>> {
  let seen: Record<string, unknown> = {};
  const verbs = inert(
    commands(() => {}),
    (argv) => {
      seen = argv;
    },
  );
  await buildParser(typed, verbs, 100).parseAsync();
  return seen;
}

test.each([
  [['plan'], undefined],
  [['plan', '--since'], true],
  [['plan', '--since', '--json'], true],
  [['plan', '--since', 'ami-0aa'], 'ami-0aa'],
])('%j: an option that may stand alone is %j', async (typed, since) => {
  expect((await parse(...typed))['since']).toBe(since);
});

const USER_DATA = ['user-data', '--webserver-url', 'https://w'];

describe('a mistake in the command line names what is wrong and where to look', () => {
  test.each<[string, string[], string, string]>([
    ['an option twice', ['plan', '-r', 'a', '--region', 'b'], '--region is given twice.', 'one of them out'],
    ['a switch twice', ['plan', '--json', '--json'], '--json is given twice.', 'one of them out'],
    ['three times', ['plan', '-c', 'a', '-c', 'b', '-c', 'c'], '--config is given 3 times.', 'all but one'],
    ['a cluster twice', [...USER_DATA, '--cluster', 'a', '--cluster', 'b'], '--cluster is given twice.', 'one of them'],
    ['an empty option', ['plan', '--region', ''], '--region is empty.', 'leave it out'],
    ['an empty one with =', ['plan', '--config='], '--config is empty.', 'leave it out'],
    ['an empty list', [...USER_DATA, '--cluster', 'c', '--ecs', ''], '--ecs is empty.', 'leave it out'],
    ['an empty number', ['webserver', '--port', ''], '--port is empty.', 'leave it out'],
    ['an empty one that may stand alone', ['plan', '--since', ''], '--since is empty.', 'leave it out'],
    ['an empty one of these with =', ['plan', '--since='], '--since is empty.', 'leave it out'],
    ['no number', ['webserver', '--port', 'abc'], '--port takes a number.', '--port 8443'],
    ['a switch with a value', ['plan', '--json=maybe'], '--json is a switch and takes no value.', '--json alone'],
    ['an empty word', ['smoke', ''], '<image> is empty.', 'variable'],
    ['no value', ['plan', '--region'], '--region needs a value.', '`ecs-host plan --help`'],
    ['no value of a letter', ['plan', '-r'], '-r needs a value.', '`ecs-host plan --help`'],
    ['an unknown verb', ['paln'], 'There is no verb "paln".', 'did you mean `ecs-host plan`?'],
    ['a far verb', ['xyzzy'], 'There is no verb "xyzzy".', 'see `ecs-host --help`'],
    ['an unknown member', ['image', 'shw'], '`ecs-host image` knows no "shw".', 'did you mean `ecs-host image show`?'],
    [
      'an unknown option',
      ['plan', '--reigon', 'x'],
      '`ecs-host plan` has no option --reigon.',
      'did you mean --region?',
    ],
    ['one of a default', ['webserver', '--prot', '1'], '`ecs-host webserver` has no option --prot.', 'mean --port?'],
    ['an unknown letter', ['plan', '-x'], '`ecs-host plan` has no option -x.', '`ecs-host plan --help`'],
    ['a word too many', ['plan', 'extra'], '`ecs-host plan` takes no word "extra".', '`ecs-host plan --help`'],
    ['a word too few', ['image', 'show'], '`ecs-host image show` needs <image>.', '`ecs-host image show --help`'],
    ['a group alone', ['lab'], '`ecs-host lab` needs a word that says what to do.', 'one of: up, down, status'],
    ['missing options', ['user-data'], '`ecs-host user-data` needs --cluster and --webserver-url.', 'user-data --help'],
    ['a wrong choice', ['webserver', 'tell', 'drian'], '"drian" is nothing that what can be.', 'did you mean drain?'],
  ])('%s', async (_, typed, reason, hint) => {
    await expect(parse(...typed)).rejects.toMatchObject({
      kind: 'user',
      message: reason,
      hint: expect.stringContaining(hint),
    });
  });
});

test('a list may be repeated, and does not eat the words behind it', async () => {
  expect(await parse(...USER_DATA, '--cluster', 'c', '--ecs', 'A=1', '--ecs', 'B=2')).toMatchObject({
    ecs: ['A=1', 'B=2'],
  });
  await expect(parse(...USER_DATA, '--cluster', 'c', '--ecs', 'A=1', 'B=2')).rejects.toThrow('takes no word "B=2"');
});

describe('a misspelled verb is answered with the nearest', () => {
  test.each(leaves(commands(() => {})).map(({ path }) => path))('of %s %s', async (...path) => {
    const words = path.filter((word) => typeof word === 'string');
    const last = words.at(-1) ?? '';
    const misspelled = [...words.slice(0, -1), `${last}${last.at(-1)}`];
    await expect(parse(...misspelled)).rejects.toMatchObject({
      kind: 'user',
      hint: expect.stringContaining(`did you mean \`ecs-host ${words.join(' ')}\`?`),
    });
  });

  test.each([
    [['image', 'lst'], 'ecs-host image list'],
    [['webserver', 'hsots'], 'ecs-host webserver hosts'],
    [['imge', 'list'], 'ecs-host image'],
    [['hlep'], 'ecs-host help'],
  ])('%j', async (typed, meant) => {
    await expect(parse(...typed)).rejects.toMatchObject({
      hint: expect.stringContaining(`did you mean \`${meant}\`?`),
    });
  });
});

async function helpOf(...words: string[]): Promise<string> {
  const print = vi.spyOn(console, 'log').mockImplementation(() => {});
  await parse(...words, '-h');
  const help = print.mock.calls.flat().join('\n');
  print.mockRestore();
  return help;
}

describe('help', () => {
  const verbs = leaves(commands(() => {}));

  test.each(verbs.map(({ path }) => path.join(' ')))('of %s has an example and says where to read on', async (name) => {
    const help = await helpOf(...name.split(' '));
    expect(help).toContain('Examples:');
    expect(help).toContain('Documentation: ');
    expect(help).toContain('Problems: ');
  });

  test.each(
    commands(() => {}).flatMap((verb) => (verb.members ? [{ name: nameOf(verb), members: verb.members }] : [])),
  )('of the group $name has an example of each member', async ({ name, members }) => {
    const help = await helpOf(name);
    const [, examples = ''] = help.split('Examples:');
    for (const member of members) {
      const example = EXAMPLES[`${name} ${nameOf(member)}`]?.[0]?.[0] ?? 'no example';
      expect(examples).toContain(example.split(' ').slice(0, 3).join(' '));
    }
    expect(help.match(/Documentation: /g)).toHaveLength(1);
  });

  test.each(Object.values(EXAMPLES).flat())('its example %j is one that the parser takes', async (line) => {
    // What a shell redirects is no word of ours.
    const words = [...line.replace(/ >.*/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    );
    // Within a word a quote begins in the middle: --ecs 'A=1' is the only form used.
    expect(await parse(...words.slice(1))).not.toEqual({});
  });

  test('examples are of verbs that exist', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(verbs.map(({ path }) => path.join(' ')).sort());
  });
});

describe('a command that is handed on', () => {
  async function handedOn(...typed: readonly string[]): Promise<unknown> {
    let given: unknown = null;
    const verbs: VerbModule[] = [
      {
        command: 'on',
        describe: 'a group',
        handler: () => {},
        members: [
          {
            command: 'exec [name]',
            describe: 'hands a command on',
            options: { debug: { type: 'boolean', default: false } },
            takesCommand: true,
            handler: ({ name, command, debug }) => {
              given = { name, command, debug };
            },
          },
        ],
      },
    ];
    await buildParser(typed, verbs, 80).parseAsync();
    return given;
  }

  test('stands behind -- and may look like anything', async () => {
    const command = ['ls', '--debug=x', '--help', '--', '-n', '', '--nonsense'];
    expect(await handedOn('on', 'exec', 'dev', '--debug', '--', ...command)).toEqual({
      name: 'dev',
      command,
      debug: true,
    });
    expect(await handedOn('on', 'exec', '--', 'dev')).toEqual({ name: undefined, command: ['dev'], debug: false });
    expect(await handedOn('on', 'exec', 'dev')).toEqual({ name: 'dev', command: [], debug: false });
  });

  test('is not taken from in front of it', async () => {
    await expect(handedOn('on', 'exec', 'dev', 'ls', '--', 'x')).rejects.toMatchObject({ code: 'USAGE' });
  });
});
