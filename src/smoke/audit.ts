import { join } from 'node:path';
import type { FindingLine } from '#contracts/audit.ts';
import { auditAnswers, findingChecks } from '../audit/checks.ts';
import { type ReadDisks, readDisks } from '../audit/read-disks.ts';
import { auditReport, listedFiles } from '../audit/report.ts';
import { readRecord } from '../image/image-store.ts';
import { readPackages } from '../image/packages.ts';
import { keepFileList } from '../inventory/file-list.ts';
import { runFolder } from '../io/paths.ts';
import { writeWhole } from '../io/write-whole.ts';
import type { LaunchedAuditor } from './launch-auditor.ts';
import type { SmokeRun } from './steps.ts';
import { REMOTE_WEBSERVER_PORT } from './webserver.ts';

const OF_THE_DISK = ['audit.explained', 'audit.complete', 'audit.secrets', 'audit.booted'];

/**
 * Reads the image's disk from outside. @returns null when nobody asked for it, or it could not be done, which its
 * checks say then
 */
export async function readFromOutside(run: SmokeRun, auditor: LaunchedAuditor | null): Promise<ReadDisks | null> {
  const { book, ctx, clients, plan, imageId } = run;
  if (auditor === null) return null;
  const read = await book.attempt(OF_THE_DISK, () =>
    ctx.span('audit the disk', async () => {
      const [ssh, record] = await Promise.all([run.reach(auditor.instanceId), readRecord(imageId)]);
      const told = await readPackages(record?.copiedFrom?.imageId ?? imageId);
      return readDisks(ssh, { ctx, clients, plan, subject: auditor.subject, steps: record?.steps ?? [], told });
    }),
  );
  return read.ok ? read.value : null;
}

/** Exceptions that nothing needed, or that are over, are told: somebody may take them out. */
function warn({ plan, ctx }: SmokeRun, { explained }: ReadDisks): void {
  if (explained.unneeded.length === 0) return;
  ctx.reporter.emit({
    type: 'warning',
    code: 'AUDIT_EXCEPTION_UNNEEDED',
    text: `Profile ${plan.profile} excepts from the audit what this image does not have.`,
    details: explained.unneeded.map(({ path, reason }) => ({ where: path, reason })),
    hint: 'take it out of auditExceptions',
  });
}

/**
 * What the disk and the instances come to, as checks; each thing that was found is one by its path. The whole of it is
 * kept as audit.json in the run's folder.
 */
export async function concludeAudit(
  run: SmokeRun,
  disks: ReadDisks | null,
  instanceIds: readonly string[],
): Promise<void> {
  const { book, plan, ctx, seen, imageId } = run;
  if (disks === null) return;
  await book.attempt(OF_THE_DISK, async () => {
    const onConsole: readonly FindingLine[] = (await Promise.all(instanceIds.map(disks.searchConsole))).flat();
    const answers = auditAnswers(disks, seen, { plan, ownTunnel: REMOTE_WEBSERVER_PORT, onConsole });
    for (const [id, answer] of Object.entries(answers)) if (answer !== null) book.record(id, answer);
    for (const check of findingChecks(disks, onConsole)) book.add(check);
    await writeWhole(join(runFolder(ctx.runId), 'audit.json'), auditReport(imageId, disks, onConsole));
    if ((await readRecord(imageId)) !== null) await keepFileList(imageId, listedFiles(disks));
  });
  warn(run, disks);
}
