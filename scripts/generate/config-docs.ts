import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG_CODES } from '../../src/config/codes.ts';
import { projectFolder } from '../setup-lib/paths.mjs';

/**
 * docs/configuration.md: every key of hosts.yaml from its schema, and the rules between fields. `npm run drift` fails
 * when the committed file differs, so that the reference cannot say something else than the program.
 */
type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  /** The pattern in words: a keyword of this project's. */
  readonly form?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly $defs?: Readonly<Record<string, Schema>>;
};

type Row = { readonly key: string; readonly schema: Schema; readonly isRequired: boolean };

function resolver(root: Schema) {
  return (schema: Schema): Schema => {
    if (schema.$ref === undefined) return schema;
    const target = root.$defs?.[schema.$ref.replace('#/$defs/', '')];
    if (!target) throw new Error(`${schema.$ref} is not defined`);
    // What stands beside a reference says more than what is referred to.
    return { ...target, ...schema };
  };
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

/** The values that a key takes, in words. */
function valuesOf(schema: Schema, resolve: (schema: Schema) => Schema): string {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.items) return `list of: ${valuesOf(resolve(schema.items), resolve)}`;
  const type = [schema.type ?? 'object'].flat().join(' or ');
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    return `${type}, ${schema.minimum} to ${schema.maximum}`;
  return schema.form === undefined ? type : `${type}: ${schema.form.replaceAll('|', '\\|')}`;
}

/** Keys in the order of the schema, with dots; objects stand before what is in them. */
function rowsOf(object: Schema, prefix: string, resolve: (schema: Schema) => Schema): Row[] {
  return Object.entries(object.properties ?? {}).flatMap(([name, unresolved]) => {
    const schema = resolve(unresolved);
    const key = `${prefix}${name}`;
    const inside = schema.items ? resolve(schema.items) : schema;
    return [
      { key, schema, isRequired: object.required?.includes(name) ?? false },
      ...rowsOf(inside, `${key}${schema.items ? '[]' : ''}.`, resolve),
    ];
  });
}

function table(rows: readonly Row[], resolve: (schema: Schema) => Schema): string[] {
  return [
    '| Key | Value | Default | |',
    '| --- | --- | --- | --- |',
    ...rows.map(({ key, schema, isRequired }) => {
      const missing =
        schema.default === undefined ? (isRequired ? 'required' : '') : code(JSON.stringify(schema.default));
      return `| ${code(key)} | ${valuesOf(schema, resolve)} | ${missing} | ${schema.description ?? ''} |`;
    }),
  ];
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const root = JSON.parse(
    await readFile(join(projectFolder(), 'src', 'config', 'hosts.schema.json'), 'utf8'),
  ) as Schema;
  const resolve = resolver(root);
  const section = (name: string): string[] => table(rowsOf(root.$defs?.[name] ?? {}, '', resolve), resolve);
  const text = [
    '<!-- Generated from src/config/hosts.schema.json and src/config/codes.ts by `npm run generate`. -->',
    '',
    '# Configuration',
    '',
    '`hosts.yaml` says what to bake (`profiles`) and where (`regions`). Both are maps from a name to the keys below; names',
    'are at most 40 lower case letters, digits and hyphens. `bin/ecs-host check` checks the file, `bin/ecs-host plan` also',
    'shows what comes of it. Every mistake is reported at once (the first 50, and how many more), with file, line, column,',
    'key, code, what was found, what was expected and a hint; the exit code is 2. Editors with a YAML language server check',
    'it against `src/config/hosts.schema.json` while you type; what a profile has by `like` they take for missing.',
    '',
    'The file is YAML 1.2 in UTF-8, at most 1 MiB. Anchors (`&name`), aliases (`*name`) and merge keys (`<<: *name`) work;',
    'directives (`%YAML`), tags (`!name`) and a second document do not. Text that looks like a number needs quotes:',
    '`ownerId: "099720109477"`. A pipe of the shell works as the file, for example `--config /dev/stdin`; named pipes and',
    'devices do not.',
    '',
    'A profile that differs little from another says `like: OTHER` and what is different. Mappings are joined key by key,',
    'lists and single values replaced; nothing (`null`) leaves a key out. It may go over several profiles, in any order.',
    'Schema and rules look at the whole, which `bin/ecs-host check --profile NAME` shows with where each value comes from;',
    'a mistake is told at the line where the value stands.',
    '',
    '## Top level',
    '',
    ...table(
      rowsOf(root, '', (schema) => schema).filter(({ key }) => !key.includes('.')),
      (schema) => schema,
    ),
    '',
    '## A profile',
    '',
    ...section('profile'),
    '',
    '## A region',
    '',
    ...section('region'),
    '',
    '## The text and its values',
    '',
    'Each is an error.',
    '',
    '| Code | What holds |',
    '| --- | --- |',
    ...CONFIG_CODES.text.map((rule) => `| ${code(rule.code)} | ${rule.title} |`),
    '',
    '## Rules between fields',
    '',
    'An error stops before anything is created. A warning is printed and stands in plan.json, and the work goes on. The code',
    'stands in brackets behind each mistake and warning; with `--json` it is the `code` of one of the `details`',
    '([messages.md](messages.md)).',
    '',
    '| Code | | |',
    '| --- | --- | --- |',
    ...CONFIG_CODES.rules.map((rule) => `| ${code(rule.code)} | ${rule.severity} | ${rule.title} |`),
    '',
  ].join('\n');
  return [{ path: 'docs/configuration.md', text }];
};
