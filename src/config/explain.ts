import type { ErrorObject } from 'ajv';
import { printable } from '#contracts/printable.ts';
import { didYouMean, nearest } from '../io/nearest.ts';
import { offsetOf, type SourceDocument, shown } from './document.ts';
import { type Gap, joinMisplaced, type Stray } from './misplaced.ts';
import type { Mistake, TextCode } from './mistake.ts';
import { suggestion } from './suggestions.ts';
import { pointerOf } from './unusable.ts';

type Path = readonly (string | number)[];
type Words = ReturnType<Mistake['words']>;

/** So many unknown keys of one mapping are compared with known ones. */
const MOST_LIKENED = 20;

/** What the schema says beside what ajv looks at. */
type KeySchema = {
  readonly type?: string | readonly string[];
  readonly form?: string;
  readonly examples?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  /** A key that may stand in place of the required one: a keyword of this project's. */
  readonly instead?: string;
  readonly minimum?: number;
  readonly maximum?: number;
};

/** JSON pointers tell neither numbers from names nor lists from mappings: the value does. */
function pathIn(value: unknown, pointer: string): Path {
  let at: unknown = value;
  return pointer
    .split('/')
    .slice(1)
    .map((escaped) => {
      const part = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
      const isIndex = Array.isArray(at);
      at = (at as Record<string, unknown> | undefined)?.[part];
      return isIndex ? Number(part) : part;
    });
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  null: 'nothing',
};

function typesOf(schema: KeySchema): string[] {
  return [schema.type ?? []].flat().map(String);
}

function rangeOf({ minimum, maximum }: KeySchema): string {
  return minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`;
}

/** What a key takes, as a noun. */
function expectedOf(schema: KeySchema): string {
  const names = typesOf(schema).filter((type) => type !== 'null');
  return schema.form ?? `${names.map((type) => TYPES[type] ?? type).join(' or ')}${rangeOf(schema)}`;
}

function forExample(schema: KeySchema): string {
  const example = schema.examples?.[0] ?? (schema.default === null ? undefined : schema.default);
  if (example !== undefined) return `for example ${String(example)}`;
  if (schema.required) return `keys in it: ${schema.required.join(', ')}`;
  return schema.description ?? 'docs/configuration.md says what each key takes';
}

/** Turns what ajv reports about one document into mistakes, one for each thing that somebody did. */
class Explainer {
  readonly #document: SourceDocument;

  constructor(document: SourceDocument) {
    this.#document = document;
  }

  #mistake(code: TextCode, path: Path, at: 'key' | 'value', words: () => Words): Mistake {
    return { offset: offsetOf(this.#document, path, at), path, code, words };
  }

  #shown(path: Path, error: ErrorObject): string {
    return shown(this.#document, path, error.data);
  }

  #type(path: Path, error: ErrorObject): Mistake {
    const schema = error.parentSchema as KeySchema;
    return this.#mistake('VALUE_TYPE', path, 'value', () => {
      const found = this.#shown(path, error);
      const kind =
        typeof error.data === 'number' ? ' (a number)' : typeof error.data === 'boolean' ? ' (true or false)' : '';
      return {
        reason: `expected ${expectedOf(schema)}, found ${found}${kind}`,
        hint: suggestion(typesOf(schema), error.data, found) ?? forExample(schema),
      };
    });
  }

  #form(path: Path, error: ErrorObject): Mistake {
    const schema = error.parentSchema as KeySchema;
    return this.#mistake('VALUE_FORM', path, 'value', () => {
      const found = this.#shown(path, error);
      const better = suggestion(['pattern'], error.data, found, String(error.params['pattern']));
      return { reason: `expected ${expectedOf(schema)}, found ${found}`, hint: better ?? forExample(schema) };
    });
  }

  #name(path: Path, error: ErrorObject): Mistake {
    const name = String(error.params['propertyName']);
    const { form = 'another form', examples, pattern = '' } = error.schema as KeySchema & { pattern?: string };
    return this.#mistake('NAME_FORM', [...path, name], 'key', () => ({
      reason: `expected ${form}, found ${printable(name, 60)}`,
      hint: suggestion(['name'], name, name, pattern) ?? `for example ${examples?.[0]}`,
    }));
  }

  #unknownKey(path: Path, error: ErrorObject): Mistake {
    const name = String(error.params['additionalProperty']);
    const known = Object.keys((error.parentSchema as KeySchema).properties ?? {});
    return this.#mistake('KEY_UNKNOWN', [...path, name], 'key', () => ({
      reason: 'unknown key',
      hint: didYouMean(name, known),
    }));
  }

  #oneOf(path: Path, error: ErrorObject): Mistake {
    const allowed = ((error.params['allowedValues'] as unknown[] | undefined) ?? [error.params['allowedValue']]).map(
      String,
    );
    return this.#mistake('VALUE_UNKNOWN', path, 'value', () => {
      const close = typeof error.data === 'string' ? nearest(error.data, allowed) : null;
      return {
        reason: `expected ${allowed.length === 1 ? '' : 'one of '}${allowed.join(', ')}, found ${this.#shown(path, error)}`,
        hint: close === null ? `write ${allowed.join(' or ')}` : `did you mean ${close}?`,
      };
    });
  }

  #range(path: Path, error: ErrorObject): Mistake {
    const schema = error.parentSchema as KeySchema;
    return this.#mistake('VALUE_RANGE', path, 'value', () => {
      const limit = Number(error.params['limit']);
      switch (error.keyword) {
        case 'maxLength':
          return {
            reason: `expected at most ${limit} characters, found ${String(error.data).length}`,
            hint: 'shorten it',
          };
        case 'maxItems':
          return {
            reason: `expected at most ${limit} entries, found ${(error.data as unknown[]).length}`,
            hint: 'join networks',
          };
        case 'minProperties':
        case 'minItems':
          return {
            reason: 'expected at least one entry, found none',
            hint: 'add one; the hosts.yaml of the project shows how',
          };
        default:
          return {
            reason: `expected ${expectedOf(schema)}, found ${this.#shown(path, error)}`,
            hint: forExample(schema),
          };
      }
    });
  }

  #missing(path: Path, names: readonly string[], schema: KeySchema): Mistake {
    return this.#mistake('KEY_MISSING', path, 'key', () => {
      const first = (schema.properties?.[names[0] ?? ''] ?? {}) as KeySchema;
      return {
        reason: names.length === 1 ? `the key ${names[0]} is missing` : `the keys ${names.join(', ')} are missing`,
        hint:
          names.length === 1 && first.examples
            ? `add ${names[0]}: ${first.examples[0]}`
            : `add ${names.join(', ')}; docs/configuration.md says what they take`,
      };
    });
  }

  #value(path: Path, error: ErrorObject): Mistake | null {
    switch (error.keyword) {
      case 'type':
        return this.#type(path, error);
      case 'pattern':
        return this.#form(path, error);
      case 'enum':
      case 'const':
        return this.#oneOf(path, error);
      case 'uniqueItems':
        return this.#mistake('VALUE_TWICE', [...path, Number(error.params['i'])], 'value', () => ({
          reason: 'the same entry stands twice in this list',
          hint: 'remove one of the two',
        }));
      case 'minimum':
      case 'maximum':
      case 'maxLength':
      case 'maxItems':
      case 'minItems':
      case 'minProperties':
        return this.#range(path, error);
      default:
        return null;
    }
  }

  /** A mapping that is empty because its keys stand one level too far left is one mistake, not one a key. */
  #outdented(path: Path, schema: KeySchema, mistakes: Map<string, Mistake>): void {
    const around = path.slice(0, -1);
    const strays = Object.keys(schema.properties ?? {}).filter(
      (name) => mistakes.get(pointerOf([...around, name]))?.code === 'KEY_UNKNOWN',
    );
    if (strays.length === 0) return;
    for (const name of strays) mistakes.delete(pointerOf([...around, name]));
    const reason = `nothing is below this key, and ${strays.join(', ')} beside it`;
    const words = (): Words => ({ reason, hint: `indent ${strays.join(', ')} further than the key` });
    mistakes.set(pointerOf(path), this.#mistake('VALUE_TYPE', path, 'key', words));
  }

  /** Mistakes, and the JSON pointers of all values that no rule has to look at any more. */
  explain(errors: readonly ErrorObject[]): { mistakes: Mistake[]; refused: Set<string> } {
    const mistakes = new Map<string, Mistake>();
    const refused = new Set<string>();
    const missing = new Map<string, Gap & { readonly instead: Map<string, string>; readonly schema: KeySchema }>();
    const strays: Stray[] = [];
    const unknown = new Map<string, string[]>();
    const empty: { path: Path; schema: KeySchema }[] = [];
    const add = (mistake: Mistake): void => {
      const pointer = pointerOf(mistake.path);
      refused.add(pointer);
      // A value has one mistake, the first.
      if (!mistakes.has(pointer)) mistakes.set(pointer, mistake);
    };
    for (const error of errors) {
      const path = pathIn(this.#document.value, error.instancePath);
      if (error.keyword === 'required') {
        const name = String(error.params['missingProperty']);
        const schema = error.parentSchema as KeySchema;
        const group = missing.get(error.instancePath) ?? {
          path,
          names: [],
          instead: new Map<string, string>(),
          schema,
        };
        if (schema.instead !== undefined) group.instead.set(schema.instead, name);
        group.names.push(name);
        missing.set(error.instancePath, { ...group, schema: fuller(group.schema, schema) });
        refused.add(pointerOf([...path, name]));
      } else if (error.keyword === 'additionalProperties') {
        add(this.#unknownKey(path, error));
        const name = String(error.params['additionalProperty']);
        const names = unknown.get(error.instancePath) ?? [];
        const known = Object.keys((error.parentSchema as KeySchema).properties ?? {});
        const meant = names.length < MOST_LIKENED ? nearest(name, known) : null;
        // What it was meant to be is missing only because of this.
        if (meant !== null) refused.add(pointerOf([...path, meant]));
        strays.push({ path, name, known });
        names.push(name);
        unknown.set(error.instancePath, names);
      } else if (error.keyword === 'propertyNames') {
        add(this.#name(path, error));
        strays.push({ path, name: String(error.params['propertyName']), known: [] });
      } else if (error.propertyName === undefined) {
        const mistake = this.#value(path, error);
        if (mistake) add(mistake);
        if (error.keyword === 'type' && error.data === null)
          empty.push({ path, schema: error.parentSchema as KeySchema });
      }
    }
    for (const { path, schema } of empty) this.#outdented(path, schema, mistakes);
    joinMisplaced(strays.slice(0, MOST_LIKENED), mistakes, missing, refused);
    const found = [...mistakes.values()];
    for (const [pointer, { path, names, schema }] of missing) {
      // A key that is only misspelt is told once, as what it is.
      const typed = (unknown.get(pointer) ?? []).slice(0, MOST_LIKENED);
      const known = Object.keys(schema.properties ?? {});
      const rest = names.filter((name) => !typed.some((each) => nearest(each, known) === name));
      // A name that was refused is the mistake.
      if (rest.length > 0 && !mistakes.has(pointer)) found.push(this.#missing(path, rest, schema));
    }
    return { mistakes: found, refused };
  }
}

/** A key that is needed only without another one comes from a part of the schema that knows little more than that. */
function fuller(one: KeySchema, another: KeySchema): KeySchema {
  const size = (of: KeySchema): number => Object.keys(of.properties ?? {}).length;
  return size(another) > size(one) ? another : one;
}

/** What the schema found in a document, in words. */
export function explainErrors(
  document: SourceDocument,
  errors: readonly ErrorObject[],
): { mistakes: Mistake[]; refused: Set<string> } {
  return new Explainer(document).explain(errors);
}
