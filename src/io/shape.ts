import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/**
 * Small words for the shape of a file that this program wrote and that anything may have happened to since. Unknown
 * keys are left alone.
 */
export const TEXT = { type: 'string' } as const;
export const NUMBER = { type: 'number' } as const;
export const FLAG = { type: 'boolean' } as const;

export function object(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((key) => !optional.includes(key)),
  };
}

export function list(items: object): object {
  return { type: 'array', items };
}

export function map(values: object): object {
  return { type: 'object', additionalProperties: values };
}

export function nullable(schema: object): object {
  return { anyOf: [{ type: 'null' }, schema] };
}

export function oneOf(...values: readonly unknown[]): object {
  return { enum: values };
}

const MOST_NAMED = 5;

/** `it lacks smoke.evidence`. That none of two forms fits only repeats what is wrong with the second. */
function explain(errors: readonly ErrorObject[]): string {
  const reasons = errors
    .filter(({ keyword, schemaPath }) => keyword !== 'anyOf' && !schemaPath.includes('/anyOf/0/'))
    .map(({ keyword, instancePath, params }) => {
      const path = instancePath.split('/').slice(1);
      if (keyword === 'required') return `it lacks ${[...path, String(params['missingProperty'])].join('.')}`;
      return `its ${path.join('.')} is not of the right kind`;
    });
  const more = reasons.length - MOST_NAMED;
  return [...reasons.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** @returns for a value: null when it has the shape, or what is wrong with it (`it lacks target.os`) */
export function shapeCheck(shape: object): (value: unknown) => string | null {
  let compiled: ValidateFunction | null = null;
  return (value) => {
    // Compiled when it is first asked: most runs read no such file. The words above make no schema that is none.
    compiled ??= new Ajv2020({ allErrors: true, strict: false, validateSchema: false }).compile(shape);
    return compiled(value) ? null : explain(compiled.errors ?? []);
  };
}

/** The object that a text holds, or why it holds none (`it is not JSON`). */
export function parseObject(text: string): Record<string, unknown> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : 'it holds no object';
}
