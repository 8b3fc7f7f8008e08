import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import type { ImageRecord } from '../image/image-record.ts';
import { projectFolder } from '../io/paths.ts';
import type { Inventory } from './inventory.ts';
import { sha256Of } from './inventory-store.ts';
import { debUrl, genericUrl, npmUrl } from './package-url.ts';

/** Versions of the record that no package may stand for, and the package that does where one is installed. */
const BESIDE_PACKAGES: Readonly<Record<string, string | null>> = {
  'aws-cli': 'awscli',
  'host-service': null,
  git: 'git',
  jq: 'jq',
  node: null,
  'nvidia-driver': null,
  rclone: 'rclone',
};

export type Tool = { readonly name: string; readonly version: string };

/** This program, as what wrote something. */
export async function thisTool(): Promise<Tool> {
  const text = await readFile(join(projectFolder(), 'package.json'), 'utf8');
  return { name: 'ecs-host', version: (JSON.parse(text) as { version: string }).version };
}

/** A UUID of version 8 (RFC 9562) that is the same for the same text. */
function uuidOf(text: string): string {
  const hex = sha256Of(text);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

function withProperties(component: Models.Component, properties: Readonly<Record<string, string>>): Models.Component {
  for (const [name, value] of Object.entries(properties))
    component.properties.add(new Models.Property(`ecs-host:${name}`, value));
  return component;
}

function componentsOf(record: ImageRecord, inventory: Inventory): Models.Component[] {
  const { os, packages, npm } = inventory;
  const component = (type: Enums.ComponentType, name: string, version: string, purl: string) =>
    new Models.Component(type, name, { version, purl, bomRef: purl });
  const installed = new Set(packages.map(({ name }) => name));
  return [
    ...packages.map((each) =>
      withProperties(component(Enums.ComponentType.Library, each.name, each.version, debUrl(each, os)), {
        source: `${each.source} ${each.sourceVersion}`,
      }),
    ),
    ...npm.map(({ name, version }) => component(Enums.ComponentType.Library, name, version, npmUrl(name, version))),
    ...Object.entries(BESIDE_PACKAGES).flatMap(([name, packageName]) => {
      const version = record.versions[name];
      if (version === undefined || (packageName !== null && installed.has(packageName))) return [];
      return [component(Enums.ComponentType.Application, name, version, genericUrl(name, version))];
    }),
  ];
}

/**
 * The bill of materials of an image, CycloneDX 1.6 as JSON. The same record and inventory give the same text.
 *
 * @param tool what writes it
 */
export function sbomText(record: ImageRecord, inventory: Inventory, tool: Tool): string {
  const { imageId, imageName, planDigest, profile, apiRegion, sourceImageId, commit, createdAt } = record;
  const image = withProperties(
    new Models.Component(Enums.ComponentType.OperatingSystem, imageName, { version: imageId, bomRef: imageId }),
    { 'plan-digest': planDigest, profile, region: apiRegion, 'source-image': sourceImageId, commit },
  );
  const bom = new Models.Bom({ serialNumber: `urn:uuid:${uuidOf(`${imageId} ${planDigest}`)}` });
  bom.metadata = new Models.Metadata({ timestamp: new Date(createdAt), component: image });
  bom.metadata.tools.components.add(
    new Models.Component(Enums.ComponentType.Application, tool.name, { version: tool.version }),
  );
  for (const component of componentsOf(record, inventory)) {
    bom.components.add(component);
    image.dependencies.add(component.bomRef);
  }
  const normalize = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(normalize).serialize(bom, { sortLists: true, space: 1 })}\n`;
}
