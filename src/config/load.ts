import { readFile } from 'node:fs/promises';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { type ErrorDetail, userError } from '../io/errors.ts';
import schema from './hosts.schema.json' with { type: 'json' };
import type { HostsConfig } from './hosts-config.ts';
import { nearest } from './nearest.ts';
import { positionOf } from './positions.ts';
import type { Finding } from './rule.ts';
import { checkRules } from './rules.ts';

export type LoadedConfig = {
  readonly config: HostsConfig;
  readonly file: string;
  readonly warnings: readonly ErrorDetail[];
};

type Path = readonly (string | number)[];

/** `profiles.g3s-focal.rootVolume.sizeGiB`, as a reader of the file would say it. */
export const keyName = (path: Path): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');

const pointerToPath = (pointer: string): Path =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** What ajv says, in words for whoever edits the file. Errors that only repeat another one give null. */
const explain = (error: ErrorObject): { path: Path; reason: string; hint?: string; at: 'key' | 'value' } | null => {
  const path = pointerToPath(error.instancePath);
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
      const close = nearest(name, known);
      return {
        path: [...path, name],
        at: 'key',
        reason: 'unknown key',
        hint: close === null ? `known here: ${known.join(', ')}` : `did you mean ${close}?`,
      };
    }
    case 'required':
      return { path, at: 'key', reason: `the key ${String(params['missingProperty'])} is missing` };
    case 'enum':
      return {
        path,
        at: 'value',
        reason: 'not one of the known values',
        hint: `one of: ${(params['allowedValues'] as unknown[]).join(', ')}`,
      };
    case 'const':
      return { path, at: 'value', reason: `must be ${JSON.stringify(params['allowedValue'])}` };
    case 'type':
      return { path, at: 'value', reason: `must be of type ${String(params['type']).replaceAll(',', ' or ')}` };
    case 'pattern':
      return {
        path,
        at: 'value',
        reason: 'does not have the form that is needed',
        hint: String(
          (error.parentSchema as { description?: string } | undefined)?.description ??
            `it must match ${String(params['pattern'])}`,
        ),
      };
    case 'propertyNames':
      return {
        path: [...path, String(params['propertyName'])],
        at: 'key',
        reason: 'not a usable name',
        hint: 'lower-case letters, digits and dashes, beginning with a letter',
      };
    case 'oneOf':
    case 'anyOf':
      return null;
    default:
      return { path, at: 'value', reason: error.message ?? 'not valid' };
  }
};

const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true });
ajv.addVocabulary(['form']);
const validate = ajv.compile<HostsConfig>(schema);

const where = (file: string, document: Document, counter: LineCounter, path: Path, at: 'key' | 'value'): string => {
  const { line, column } = positionOf(document, counter, path, at);
  return `${file}:${line}:${column}`;
};

const sortByPosition = (details: ErrorDetail[]): ErrorDetail[] => {
  const numbers = (detail: ErrorDetail): number[] => (detail.where ?? '').split(':').slice(-2).map(Number);
  return details.sort((a, b) => {
    const [lineA = 0, columnA = 0] = numbers(a);
    const [lineB = 0, columnB = 0] = numbers(b);
    return lineA - lineB || columnA - columnB;
  });
};

const readText = async (file: string): Promise<string> => {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read: ${(error as Error).message}`;
    throw userError('CONFIG_UNREADABLE', `${file} ${why}.`, 'name another file with --config');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw userError('CONFIG_UNREADABLE', `${file} is not UTF-8 text.`, 'save it as UTF-8');
  }
};

/**
 * Reads and checks hosts.yaml.
 *
 * @throws EcsHostError (user) `CONFIG_UNREADABLE`, or `CONFIG_INVALID` with every mistake: file:line:column, key, reason and hint
 */
export const loadConfig = async (file: string): Promise<LoadedConfig> => parseConfig(await readText(file), file);

/** The same on text; `file` is only named in messages. */
export const parseConfig = (text: string, file: string): LoadedConfig => {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true, prettyErrors: false });
  const invalid = (details: ErrorDetail[]): never => {
    const count = details.length === 1 ? 'one mistake' : `${details.length} mistakes`;
    throw userError('CONFIG_INVALID', `${file} has ${count}.`, undefined, sortByPosition(details));
  };
  if (document.errors.length > 0) {
    invalid(
      document.errors.map((error) => {
        const { line, col } = counter.linePos(error.pos[0]);
        return { where: `${file}:${line}:${col}`, reason: error.message.split('\n')[0] ?? 'not YAML' };
      }),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    invalid([{ where: `${file}:1:1`, reason: (error as Error).message, hint: 'use fewer aliases' }]);
  }
  if (value === null || value === undefined) {
    invalid([
      {
        where: `${file}:1:1`,
        reason: 'the file is empty',
        hint: 'begin with a copy of the hosts.yaml that the project ships',
      },
    ]);
  }
  const detail = (path: Path, at: 'key' | 'value', reason: string, hint?: string): ErrorDetail => ({
    where: where(file, document, counter, path, at),
    key: keyName(path),
    reason,
    ...(hint === undefined ? {} : { hint }),
  });
  const details: ErrorDetail[] = [];
  if (!validate(value)) {
    for (const error of validate.errors ?? []) {
      const explained = explain(error);
      if (explained) details.push(detail(explained.path, explained.at, explained.reason, explained.hint));
    }
  }
  // Rules look at whatever has the right shape, so that one run reports both kinds of mistake.
  const findings = checkRules(value, new Set((validate.errors ?? []).map((error) => error.instancePath)));
  const asDetail = (finding: Finding): ErrorDetail => detail(finding.path, 'value', finding.reason, finding.hint);
  details.push(...findings.filter((finding) => finding.severity === 'error').map(asDetail));
  if (details.length > 0) invalid(details);
  return {
    config: value as HostsConfig,
    file,
    warnings: findings.filter((finding) => finding.severity === 'warning').map(asDetail),
  };
};
