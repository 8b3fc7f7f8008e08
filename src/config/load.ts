import { Ajv2020 } from 'ajv/dist/2020.js';
import { printable } from '#contracts/printable.ts';
import { type ErrorDetail, userError } from '../io/errors.ts';
import { offsetOf, readDocument } from './document.ts';
import { explainErrors } from './explain.ts';
import schema from './hosts.schema.json' with { type: 'json' };
import type { HostsConfig } from './hosts-config.ts';
import { toldOnce } from './inherited.ts';
import { expandLike } from './like.ts';
import { Lines } from './lines.ts';
import type { Mistake } from './mistake.ts';
import { readText } from './read-text.ts';
import type { Finding } from './rule.ts';
import { checkRules } from './rules.ts';
import { pointerOf } from './unusable.ts';

/** Of a mistake or a warning everything is known, with the code of its rule. */
export type ConfigDetail = Required<ErrorDetail>;

export type LoadedConfig = {
  readonly config: HostsConfig;
  readonly file: string;
  /** Of a value that a profile has from the one that it is `like`: that profile, by the value's JSON pointer. */
  readonly origins: ReadonlyMap<string, string>;
  readonly warnings: readonly ConfigDetail[];
};

/** More than anybody repairs before the next look. */
const MOST_SHOWN = 50;
const LONGEST = 400;

/** `profiles.g3s-focal.rootVolume.sizeGiB`, as a reader of the file would say it. */
function keyName(path: readonly (string | number)[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${printable(part, 60)}`))
    .join('')
    .replace(/^\./, '');
}

function withOrigin(reason: string, base: string | undefined): string {
  return base === undefined ? reason : `${reason} (taken over from ${base})`;
}

// That the schema is one is tested; to compile what checks schemas takes longer than to check a file.
const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, validateSchema: false });
// The pattern of a text in words, which explain.ts shows in place of the pattern, and the other way to give a key.
ajv.addVocabulary(['form', 'instead']);
const validate = ajv.compile<HostsConfig>(schema);

/**
 * Reads and checks hosts.yaml.
 *
 * @throws EcsHostError (user) `CONFIG_UNREADABLE`, or `CONFIG_INVALID` with every mistake: file:line:column, key, code,
 *   reason and hint
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  return parseConfig(await readText(file), file);
}

/** The same on text; `file` is only named in messages. */
export function parseConfig(text: string, file: string): LoadedConfig {
  const lines = new Lines(text);
  const name = printable(file, 500);
  const asDetail = ({ offset, path, code, words }: Mistake<string>): ConfigDetail => {
    const { line, column } = lines.at(offset);
    const { reason, hint } = words();
    return {
      code,
      where: `${name}:${line}:${column}`,
      key: keyName(path),
      reason: printable(reason, LONGEST),
      hint: printable(hint, LONGEST),
    };
  };
  const refuse = (mistakes: readonly Mistake<string>[]): never => {
    const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
    const more = mistakes.length - MOST_SHOWN;
    const details = mistakes.toSorted((a, b) => a.offset - b.offset).slice(0, MOST_SHOWN);
    const hint = more > 0 ? `${more} more are not shown; correct these first` : undefined;
    throw userError('CONFIG_INVALID', `${name} has ${count}.`, hint, details.map(asDetail));
  };
  const written = readDocument(text, lines);
  if ('mistakes' in written) return refuse(written.mistakes);
  const expanded = expandLike(written);
  const { document, origins } = expanded;
  const { value } = document;
  const { mistakes, refused } = explainErrors(document, validate(value) ? [] : (validate.errors ?? []));
  // Rules look at whatever has the right shape, so that one run reports both kinds of mistake.
  const findings = typeof value === 'object' ? checkRules(value, refused) : [];
  const asMistake = ({ path, code, reason, hint }: Finding): Mistake<string> => ({
    offset: offsetOf(document, path, 'value'),
    path,
    code,
    words: () => ({ reason: withOrigin(reason, origins.get(pointerOf(path))), hint }),
  });
  const errors = findings.filter(({ severity }) => severity === 'error').map(asMistake);
  const all = toldOnce([...mistakes, ...errors], expanded);
  if (all.length > 0) refuse(all);
  return {
    config: value as HostsConfig,
    file,
    origins,
    warnings: findings.filter(({ severity }) => severity === 'warning').map((finding) => asDetail(asMistake(finding))),
  };
}
