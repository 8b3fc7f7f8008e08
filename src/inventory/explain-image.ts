import { basename } from 'node:path';
import { besidePath } from '../image/beside.ts';
import { readRecord } from '../image/image-store.ts';
import { writeWhole } from '../io/write-whole.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { type Inventory, inventoryText } from './inventory.ts';
import { sha256Of, textIfThere } from './inventory-store.ts';
import { byproductDigest, readProvenance } from './provenance.ts';
import { sbomText, thisTool } from './sbom.ts';
import { sealed, signingKey } from './signature.ts';
import { statementOf } from './statement.ts';

/**
 * Whether all of it is there and belongs together. An image does not change, so what was written of it first stays; an
 * unsigned provenance is written anew where there is a key.
 */
async function isExplained(imageId: string, hasKey: boolean): Promise<boolean> {
  const provenance = await readProvenance(imageId);
  if (provenance === null || typeof provenance === 'string') return false;
  if (provenance.envelope.signatures.length === 0 && hasKey) return false;
  for (const what of ['inventory', 'sbom'] as const) {
    const path = besidePath(imageId, what);
    const text = await textIfThere(path);
    if (text === null || byproductDigest(provenance.statement, basename(path)) !== sha256Of(text)) return false;
  }
  return true;
}

/**
 * Writes what explains an image beside its record: inventory, bill of materials, provenance. It does nothing for an
 * image that has no record here, or that is explained already.
 *
 * @param plan what the image was tested by; it counts only when it is the one that the image was baked by
 * @throws EcsHostError (user) `SIGNING_KEY`
 */
export async function explainImage(imageId: string, plan: BuildPlan, inventory: Inventory): Promise<void> {
  const record = await readRecord(imageId);
  if (record === null) return;
  const [tool, key] = await Promise.all([thisTool(), signingKey()]);
  if (await isExplained(imageId, key !== null)) return;
  const written = [
    [besidePath(imageId, 'inventory'), inventoryText(inventory)],
    [besidePath(imageId, 'sbom'), sbomText(record, inventory, tool)],
  ] as const;
  for (const [path, text] of written) await writeWhole(path, text);
  const files = Object.fromEntries(written.map(([path, text]) => [basename(path), sha256Of(text)]));
  const planned = plan.digest === record.planDigest ? plan : null;
  const statement = JSON.stringify(statementOf({ record, plan: planned, tool, files }));
  const envelope = sealed(statement, key);
  // Last: whoever finds it finds what it names.
  await writeWhole(besidePath(imageId, 'provenance'), `${JSON.stringify(envelope, null, 1)}\n`);
}
