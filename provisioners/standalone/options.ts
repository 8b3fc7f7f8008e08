import { parseArgs } from 'node:util';
import { ONLY_WHEN_NAMED, SETUP_LOG, SETUP_OPTIONS, type SetupPart } from '#contracts/setup-script.ts';

export type SetupOptions = {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly reboot: boolean;
  readonly log: string;
  /** In the order in which they are applied. */
  readonly parts: readonly SetupPart[];
};

function read(words: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const options = Object.fromEntries(
    Object.entries(SETUP_OPTIONS).map(([name, option]) => [
      name,
      {
        type: 'takes' in option ? ('string' as const) : ('boolean' as const),
        ...('short' in option ? { short: option.short } : {}),
      },
    ]),
  );
  return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values as Record<
    string,
    string | boolean
  >;
}

function names(given: string | boolean | undefined): readonly string[] | null {
  return typeof given !== 'string'
    ? null
    : given
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean);
}

/** Pure: the options, or what is wrong with them, in a sentence. */
export function parseOptions(
  words: readonly string[],
  all: readonly SetupPart[],
): SetupOptions | { readonly problem: string } {
  let values: ReturnType<typeof read>;
  try {
    values = read(words);
  } catch (error) {
    // Node's own text: what is wrong in its first sentence, advice for programmers behind it.
    return { problem: `${(error as Error).message.split(/[.\n]/)[0]}; --help lists the options` };
  }
  const [only, skip] = [names(values['only']), names(values['skip'])];
  const unknown = [...(only ?? []), ...(skip ?? [])].filter((name) => !all.some((part) => part === name));
  if (unknown.length > 0) return { problem: `there is no part ${unknown.join(', ')}; the parts are ${all.join(', ')}` };
  const parts = all
    .filter((part) => (only === null ? !ONLY_WHEN_NAMED.includes(part) : only.includes(part)))
    .filter((part) => !skip?.includes(part));
  if (parts.length === 0) return { problem: 'with these options no part is left' };
  return {
    dryRun: values['dry-run'] === true,
    yes: values['yes'] === true,
    reboot: values['reboot'] === true,
    log: typeof values['log'] === 'string' ? values['log'] : SETUP_LOG,
    parts,
  };
}
