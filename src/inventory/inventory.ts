import { list, NUMBER, object, shapeCheck, TEXT } from '../io/shape.ts';

export const INVENTORY_VERSION = 1;

/** A package of the distribution's format, with the source package that security notices speak of. */
export type DebPackage = {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
};

/** A file below /etc that says the same on every instance of the image; its path begins with a slash. */
export type ConfigurationFile = {
  readonly path: string;
  /** Octal, `644`. */
  readonly mode: string;
  readonly bytes: number;
  readonly sha256: string;
};

/** A symbolic link below /etc: which units are enabled, which alternative is taken. */
export type ConfigurationLink = { readonly path: string; readonly to: string };

/**
 * images/<imageId>.inventory.json: what is on the image, as a booted instance of it said. Of one image it is the same
 * text whichever instance was asked, so that its hash stands for it. Lists are in the order of their names.
 */
export type Inventory = {
  readonly inventoryVersion: typeof INVENTORY_VERSION;
  readonly imageId: string;
  /** Of /etc/os-release. */
  readonly os: { readonly id: string; readonly versionId: string; readonly codename: string };
  readonly packages: readonly DebPackage[];
  /** Of npm, inside our own programs. */
  readonly npm: readonly { readonly name: string; readonly version: string }[];
  readonly files: readonly ConfigurationFile[];
  readonly links: readonly ConfigurationLink[];
  /** Settings that the provisioners were given (target.json), by their path: `docker.version`. */
  readonly settings: Readonly<Record<string, string>>;
};

export function inventoryText(inventory: Inventory): string {
  return `${JSON.stringify(inventory, null, 1)}\n`;
}

/** For a file that anything may have happened to: null when it is an inventory, or what is wrong with it. */
export const inventoryProblem = shapeCheck(
  object({
    inventoryVersion: { const: INVENTORY_VERSION },
    imageId: TEXT,
    os: object({ id: TEXT, versionId: TEXT, codename: TEXT }),
    packages: list(object({ name: TEXT, version: TEXT, architecture: TEXT, source: TEXT, sourceVersion: TEXT })),
    npm: list(object({ name: TEXT, version: TEXT })),
    files: list(object({ path: TEXT, mode: TEXT, bytes: NUMBER, sha256: TEXT })),
    links: list(object({ path: TEXT, to: TEXT })),
    settings: { type: 'object', additionalProperties: TEXT },
  }),
);
