import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { sbomText } from '../../src/inventory/sbom.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { anInventory } from '../fixtures/inventory.ts';

const TOOL = { name: 'ecs-host', version: '0.1.0' };
const GOLDEN = join(projectFolder(), 'test', 'inventory', 'golden', 'image.cdx.txt');

/** The library's own copy of the standard's schemas; its validator would need packages that nothing else does. */
async function schemaProblems(document: unknown): Promise<unknown> {
  const entry = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json');
  const schema = async (name: string): Promise<object> =>
    JSON.parse(await readFile(join(dirname(entry), 'res', 'schema', `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(await schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  const validate = ajv.compile(await schema('bom-1.6'));
  return validate(document) ? null : validate.errors;
}

const record = {
  ...aRecord('ami-0aa'),
  versions: { docker: '20.10.24+dfsg1-1', git: '2.39.5', node: '24.21.0', 'nvidia-driver': '550.127.08' },
};

describe('the bill of materials', () => {
  test('is what it was', async () => {
    const text = sbomText(record, anInventory('ami-0aa'), TOOL);
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(GOLDEN, text);
    expect(text).toBe(await readFile(GOLDEN, 'utf8'));
  });

  test('is CycloneDX 1.6 by the schema, which tells a broken one', async () => {
    const document = JSON.parse(sbomText(record, anInventory('ami-0aa'), TOOL)) as Record<string, unknown>;
    expect(document).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    expect(await schemaProblems(document)).toBeNull();
    expect(await schemaProblems({ ...document, components: [{ name: 'without a type' }] })).not.toBeNull();
  });

  test('names packages by their URLs, and what no package stands for', () => {
    const document = JSON.parse(sbomText(record, anInventory('ami-0aa'), TOOL)) as { components: { purl: string }[] };
    expect(document.components.map(({ purl }) => purl).sort()).toEqual([
      'pkg:deb/debian/docker.io@20.10.24%2Bdfsg1-1%2Bb3?arch=amd64&distro=bookworm',
      'pkg:deb/debian/git@1:2.39.5-0%2Bdeb12u2?arch=amd64&distro=bookworm',
      'pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=bookworm',
      'pkg:deb/debian/tzdata@2024b-0%2Bdeb12u1?arch=all&distro=bookworm',
      'pkg:generic/node@24.21.0',
      'pkg:generic/nvidia-driver@550.127.08',
      'pkg:npm/%40scope/part@1.2.3',
      'pkg:npm/zx@8.8.5',
    ]);
  });

  test('is another for another image only', () => {
    const serial = (imageId: string): unknown =>
      (JSON.parse(sbomText({ ...record, imageId }, anInventory(imageId), TOOL)) as Record<string, unknown>)[
        'serialNumber'
      ];
    expect(serial('ami-0aa')).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(serial('ami-0aa')).toBe(serial('ami-0aa'));
    expect(serial('ami-0aa')).not.toBe(serial('ami-0bb'));
  });
});
