import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import { projectFolder } from '../setup-lib/paths.mjs';

type Schema = Parameters<typeof compile>[0];

/** The TypeScript types of hosts.yaml, from its schema. `npm run drift` fails when the committed file differs. */
export default async (): Promise<{ path: string; text: string }[]> => {
  const schema = JSON.parse(
    await readFile(join(projectFolder(), 'src', 'config', 'hosts.schema.json'), 'utf8'),
  ) as Schema;
  const text = await compile(schema, 'HostsConfig', {
    bannerComment: '/* Generated from hosts.schema.json by `npm run generate`. */',
    additionalProperties: false,
    // Else a list of at least one is a choice of tuples.
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  return [{ path: 'src/config/hosts-config.ts', text }];
};
