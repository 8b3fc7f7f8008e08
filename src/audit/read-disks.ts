import type { FindingLine } from '#contracts/audit.ts';
import type { AwsClients } from '../aws/clients.ts';
import { consoleOf } from '../aws/console.ts';
import type { Ssh } from '../host-access/ssh.ts';
import type { RunContext } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { FIRST_BOOT_IS_OVER } from '../plan/provisioning.ts';
import type { StepTime } from '../run/span.ts';
import { timeLimits } from '../run/time-limits.ts';
import { type Audited, auditedDisk, auditedFindings, CONTENTS } from './audited.ts';
import { setUpAuditor } from './auditor.ts';
import { baseDisk } from './base-disk.ts';
import { type Listening, readListening, readSettings, type Settings } from './booted-facts.ts';
import { AUDITED_DEVICE, type AuditSubject, attachedVolume, writtenParts } from './disk.ts';
import { type ExplainedDisk, explainDisk } from './explain-disk.ts';
import { isAbout } from './provisioned/judge.ts';

export type ReadInput = {
  readonly ctx: RunContext;
  readonly clients: AwsClients;
  readonly plan: BuildPlan;
  readonly subject: AuditSubject;
  /** When the provisioners' steps were at work; empty when nobody knows. */
  readonly steps: readonly StepTime[];
  /** What packages' lists came to in the bake; null when nobody knows. */
  readonly told: Readonly<Record<string, string>> | null;
};

/** What the auditor found, and what a machine of the base image says of itself. */
export type ReadDisks = {
  readonly image: Audited;
  readonly explained: ExplainedDisk;
  readonly secrets: readonly FindingLine[];
  readonly base: Settings & Listening;
  /** Searches a text for secrets that is on no disk. */
  readonly searchConsole: (instanceId: string) => Promise<readonly FindingLine[]>;
};

/**
 * Names of parameters look like secrets that are assigned; in what a signed archive brings (AWS's CLI) they are just
 * that.
 */
function isOfProgram({ rule, path }: FindingLine, { provisioned }: BuildPlan): boolean {
  const isLoose = rule === 'audit/assignment' && path !== null;
  return isLoose && provisioned.some((put) => put.rule === 'tree' && isAbout(put, path));
}

/** The second where kernels have a partition of their own. */
const ARCHIVES = ['/boot/initrd.img-', '/initrd.img-'];
const MEMBER_CONTENTS = ['conf/', 'scripts/*/ORDER'];

/**
 * Reads the image's disk on a second instance that runs from the base image, and the base image's; explains the one by
 * the other, and searches for secrets in what no package explains and in free space.
 *
 * @throws EcsHostError (outside) `AUDIT_FAILED`, `AUDIT_UNREADABLE`
 */
export async function readDisks(ssh: Ssh, { ctx, clients, plan, subject, steps, told }: ReadInput): Promise<ReadDisks> {
  const { rootSnapshot, others, baseImageId } = subject;
  const [auditor, volumeId] = await Promise.all([
    ctx.span('bring the auditor', () => setUpAuditor(ssh)),
    attachedVolume(clients, ssh.target.instanceId),
  ]);
  const disk = { volumeId, deviceName: AUDITED_DEVICE };
  const image = await ctx.span('read the disk of the image', async () =>
    auditedDisk(
      await auditor.ask({
        action: 'manifest',
        disk,
        contents: CONTENTS,
        archives: ARCHIVES,
        memberContents: MEMBER_CONTENTS,
      }),
    ),
  );
  // What the base image is compared as is what its first boot leaves.
  await ssh.run(FIRST_BOOT_IS_OVER, { timeoutMs: timeLimits(plan.endpointUrl).cloudInitMs });
  const [settings, listening] = await Promise.all([readSettings(ssh), readListening(ssh)]);
  const ofBase = await ctx.span('read the disk of the base image', () => baseDisk(baseImageId, auditor));
  const explained = explainDisk({ image, base: ofBase, plan, steps, told, others });
  const secrets: readonly FindingLine[] = await ctx.span('search for secrets', async () => {
    const data = await writtenParts(clients, rootSnapshot);
    const found = auditedFindings(
      await auditor.ask({ action: 'scan', disk, files: explained.toSearch, freeSpace: true, data }),
    );
    return found.filter((line) => !isOfProgram(line, plan));
  });
  const searchConsole = async (instanceId: string): Promise<readonly FindingLine[]> => {
    const text = await consoleOf(clients, instanceId);
    return auditedFindings(await auditor.ask({ action: 'text', name: `the console of ${instanceId}`, text }));
  };
  return { image, explained, secrets, base: { ...settings, ...listening }, searchConsole };
}
