import { besidePath } from '../image/beside.ts';
import { parseStored, textIfThere } from './inventory-store.ts';
import { readProvenance } from './provenance.ts';

/** What there is beside the record of an image, in short. */
export type Explanation = {
  /** Null when no smoke test has read what is on the image, or the file is damaged. */
  readonly packages: number | null;
  readonly npmPackages: number | null;
  /** Files, absolute; null where there is none. */
  readonly sbom: string | null;
  readonly provenance: string | null;
  /** Ids of the keys that are said to have signed the provenance; `image verify` looks whether they did. */
  readonly signedBy: readonly string[];
};

export async function explanationOf(imageId: string): Promise<Explanation> {
  const text = await textIfThere(besidePath(imageId, 'inventory'));
  const inventory = text === null ? null : parseStored(text, imageId);
  const isKnown = inventory !== null && typeof inventory !== 'string';
  const provenance = await readProvenance(imageId);
  const isStatement = provenance !== null && typeof provenance !== 'string';
  const sbom = besidePath(imageId, 'sbom');
  return {
    packages: isKnown ? inventory.packages.length : null,
    npmPackages: isKnown ? inventory.npm.length : null,
    sbom: (await textIfThere(sbom)) === null ? null : sbom,
    provenance: isStatement ? besidePath(imageId, 'provenance') : null,
    signedBy: isStatement ? provenance.envelope.signatures.map(({ keyid }) => keyid) : [],
  };
}

/** Pure: lines with the labels of `image show`. */
export function explanationLines({ packages, npmPackages, sbom, provenance, signedBy }: Explanation): string[] {
  const line = (label: string, text: string): string => `${label.padEnd(18)}${text}`;
  const signed = signedBy.length === 0 ? 'not signed' : `signed by ${signedBy.join(', ')}`;
  return [
    line('packages', packages === null ? 'not known' : `${packages}, and ${npmPackages} of npm in our own programs`),
    line('SBOM', sbom ?? 'none'),
    line('provenance', provenance === null ? 'none' : `${provenance} (${signed})`),
  ];
}
