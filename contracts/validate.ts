import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from './webserver.schema.json' with { type: 'json' };

export type MessageName = Exclude<keyof typeof schema.$defs, 'version' | 'instanceId' | 'token' | 'reason' | 'seconds'>;

const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: false });
ajv.addSchema(schema, 'webserver');

/**
 * The value as a message of the protocol, or the first thing that is wrong with it. What a message contains is not in
 * the problem: it may be a secret.
 */
export function asMessage<T>(
  name: MessageName,
  value: unknown,
): { readonly message: T } | { readonly problem: string } {
  const validate = ajv.getSchema(`webserver#/$defs/${name}`);
  if (!validate) throw new Error(`the protocol has no ${name}`);
  if (validate(value)) return { message: value as T };
  const [error] = validate.errors ?? [];
  const where = (error?.instancePath ?? '').replace(/^\//, '').replaceAll('/', '.');
  const extra =
    error?.keyword === 'additionalProperties' ? ` (${String(error.params['additionalProperty']).slice(0, 40)})` : '';
  return { problem: `${where === '' ? 'the body' : where} ${error?.message ?? 'is wrong'}${extra}` };
}
