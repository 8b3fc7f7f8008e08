import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { findPython } from '../../scripts/setup-lib/probe.mjs';
import { awsItems } from './aws-items.ts';
import type { DoctorItem } from './doctor-item.ts';
import { awsIdentityCertificates } from './identity-certificates-item.ts';
import { diskItems, kernelItems, packageItems, platformItem, rootItem } from './machine-items.ts';
import { nodeItems, pythonItems, toolchainItems } from './tool-items.ts';

/**
 * Looks at every prerequisite of scripts/prerequisites.json, and at what the lab needs of the kernel. Reads only;
 * changes nothing.
 *
 * @returns ok when nothing is missing for the lab; what only AWS needs does not count
 */
export async function runDoctor(): Promise<{ items: DoctorItem[]; ok: boolean }> {
  const needed = readPrerequisites();
  const python = await findPython();
  const groups = await Promise.all([
    platformItem(needed).then((each) => [each]),
    rootItem().then((each) => [each]),
    nodeItems(needed),
    pythonItems(needed, python),
    toolchainItems(needed),
    packageItems(needed, python?.path ?? null),
    kernelItems(),
    diskItems(needed),
    awsItems(),
    Promise.resolve([awsIdentityCertificates()]),
  ]);
  const items = groups.flat();
  return { items, ok: items.every((each) => each.status !== 'missing') };
}
