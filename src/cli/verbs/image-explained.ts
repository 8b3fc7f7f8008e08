import { resolve } from 'node:path';
import { besidePath } from '../../image/beside.ts';
import { listRecords, requireRecord } from '../../image/image-store.ts';
import { differenceOf, type Explained, imageBefore } from '../../inventory/difference.ts';
import { differenceLines } from '../../inventory/difference-lines.ts';
import { readFileList } from '../../inventory/file-list.ts';
import { requireStored, textIfThere } from '../../inventory/inventory-store.ts';
import { sbomText, thisTool } from '../../inventory/sbom.ts';
import { knownVulnerabilities } from '../../inventory/vulnerabilities/known.ts';
import { vulnerabilityLines } from '../../inventory/vulnerabilities/lines.ts';
import { vulnerabilitiesOf } from '../../inventory/vulnerabilities/match.ts';
import { resultWidth } from '../../io/text.ts';
import { writeWhole } from '../../io/write-whole.ts';
import { quietly, textOf } from '../arguments.ts';
import { printResult } from '../json.ts';
import { withSession } from '../session.ts';

type Argv = Record<string, unknown>;

async function explained(imageId: string): Promise<Explained> {
  return {
    record: await requireRecord(imageId),
    inventory: await requireStored(imageId),
    files: await readFileList(imageId),
  };
}

/** As it was written; made again where only its file is gone. */
async function sbomOf(imageId: string): Promise<string> {
  const { record, inventory } = await explained(imageId);
  const written = await textIfThere(besidePath(imageId, 'sbom'));
  return written ?? sbomText(record, inventory, await thisTool());
}

/** `ecs-host image sbom <image>`: the bill of materials on stdout, or in a file. */
export async function sbom(argv: Argv): Promise<number> {
  const imageId = String(argv['image']);
  const text = await sbomOf(imageId);
  const out = textOf(argv, 'out');
  if (out === null) {
    process.stdout.write(text);
    return 0;
  }
  const file = resolve(out);
  await writeWhole(file, text);
  printResult(argv['json'] === true, { type: 'sbom', imageId, file }, [`SBOM      ${file}`]);
  return 0;
}

/** `ecs-host image diff <image> [other]`: from the older to the newer, whichever is named first. */
export async function diff(argv: Argv): Promise<number> {
  const named = await explained(String(argv['image']));
  const other = textOf(argv, 'other');
  const against = await withSession(quietly(argv), async ({ reporter }) =>
    other === null ? imageBefore(named.record, (await listRecords(reporter)).records).imageId : other,
  );
  const [first, second] = [named, await explained(against)].sort((a, b) =>
    a.record.createdAt < b.record.createdAt ? -1 : 1,
  );
  const difference = differenceOf(first ?? named, second ?? named);
  printResult(argv['json'] === true, difference, differenceLines(difference));
  return 0;
}

/** `ecs-host image vulnerabilities <image>`. */
export async function vulnerabilities(argv: Argv): Promise<number> {
  const { inventory } = await explained(String(argv['image']));
  const known = await withSession(quietly(argv), async ({ reporter, signal, span }) => {
    const found = await span('ask the distribution', () => knownVulnerabilities(inventory.os, { signal }));
    const { staleBecause: reason, fetchedAt } = found;
    if (reason !== null) {
      const text = `What is known is of ${fetchedAt}: ${reason}.`;
      reporter.emit({ type: 'warning', code: 'VULNERABILITIES_STALE', text });
    }
    return found;
  });
  const { host, fetchedAt, advisories, staleBecause } = known;
  const found = vulnerabilitiesOf(inventory.packages, advisories);
  printResult(
    argv['json'] === true,
    { imageId: inventory.imageId, host, fetchedAt, staleBecause, vulnerabilities: found },
    vulnerabilityLines(found, known, { width: resultWidth(), isWhole: argv['all'] === true }),
  );
  return 0;
}
