import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cloudFormationTemplate } from '../../src/bootstrap/cloudformation.ts';
import { desiredResources } from '../../src/bootstrap/desired.ts';
import { shippedRegion, WANTED } from './cases.ts';

type Template = {
  readonly Parameters: Record<string, object>;
  readonly Conditions: Record<string, object>;
  readonly Resources: Record<string, { Type: string; Condition?: string; DependsOn?: string; Properties: object }>;
};

async function template(wanted = WANTED): Promise<Template> {
  const selection = await shippedRegion();
  return cloudFormationTemplate(desiredResources(selection, wanted), selection.regionName) as Template;
}

/** `UPDATE_GOLDEN=1` writes the expected file anew; look at the difference before committing it. */
test('is the expected template', async () => {
  const file = join(import.meta.dirname, 'golden', 'us-east-2.template.json');
  const made = await template();
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, `${JSON.stringify(made, null, 2)}\n`);
  // Not as text: the file is formatted like every other.
  expect(made).toEqual(JSON.parse(await readFile(file, 'utf8')));
});

test.each([true, false])('what it refers to is in it (with CI: %s)', async (withCi) => {
  const { Parameters, Conditions, Resources } = await template(withCi ? WANTED : { ...WANTED, ci: null });
  const text = JSON.stringify({ Conditions, Resources });
  for (const [, name = ''] of text.matchAll(/"Ref":"(\w+)"/g)) expect(Object.keys(Parameters)).toContain(name);
  for (const { Condition, DependsOn } of Object.values(Resources)) {
    if (Condition !== undefined) expect(Object.keys(Conditions)).toContain(Condition);
    if (DependsOn !== undefined) expect(Object.keys(Resources)).toContain(DependsOn);
  }
  expect(Object.keys(Resources).every((id) => /^[A-Za-z0-9]+$/.test(id))).toBe(true);
});

test('names of the account stand only where CloudFormation fills them in', async () => {
  const { Resources } = await template();
  const outside = JSON.stringify(Resources).replaceAll(/\{"Fn::Sub":"[^"]*"\}/g, '');
  expect(outside.match(/\$\{[A-Z][^}]*\}/g)).toBeNull();
});

test('what a stack made is not for bootstrap to remove', async () => {
  expect(JSON.stringify(await template())).not.toContain('"Value":"bootstrap"');
});
