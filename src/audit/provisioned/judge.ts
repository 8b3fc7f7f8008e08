import type { AuditEntry } from '#contracts/audit.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import { differenceBetween } from '../finding.ts';
import { type Judging, ruleProblem } from './rules.ts';

/** Null when an entry is what a provisioner puts there; else what differs. */
export function provisionedProblem(found: AuditEntry, put: ProvisionedEntry, judging: Judging): string | null {
  const { kind, mode, sha256, target, rule } = put;
  const isTree = rule === 'tree';
  const difference = differenceBetween(found, {
    ...(isTree ? {} : { kind }),
    uid: 0,
    gid: 0,
    ...(mode === undefined || isTree ? {} : { mode }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(target === undefined ? {} : { target }),
  });
  if (isTree && !['file', 'folder', 'link'].includes(found.kind))
    return `not as provisioner ${put.provisioner} puts it: a ${found.kind}`;
  const isOpen = found.kind !== 'link' && (found.mode & 0o7022) !== 0;
  const problem =
    difference ?? (isOpen ? 'others may write to it, or it has setuid' : ruleProblem(found, put, judging));
  return problem === null ? null : `not as provisioner ${put.provisioner} puts it: ${problem}`;
}

/** Pure: whether what a provisioner puts is about a path; `*` is one name, and `/**` at the end all that is below. */
export function isAbout(put: Pick<ProvisionedEntry, 'path'>, path: string): boolean {
  const isTree = put.path.endsWith('/**');
  const [names, others] = [put.path.replace(/\/\*\*$/, '').split('/'), path.split('/')];
  const isLong = isTree ? others.length > names.length : others.length === names.length;
  return isLong && names.every((name, at) => name === '*' || name === others[at]);
}
