import type { FindingLine } from '#contracts/audit.ts';
import type { ListedFile } from '../inventory/file-list.ts';
import { type Finding, modeText } from './finding.ts';
import type { ReadDisks } from './read-disks.ts';

function shown({ path, kind, reason, step, entry }: Finding) {
  const { size, uid, gid, mode, sha256, target } = entry ?? {};
  return { path, kind, reason, step, size, uid, gid, mode, sha256, target };
}

/** Everything that an audit found and let pass, for people and machines. No secret is in it. */
export function auditReport(
  imageId: string,
  { explained, secrets }: Pick<ReadDisks, 'explained' | 'secrets'>,
  onConsole: readonly FindingLine[],
): string {
  const { findings, missing, excepted, unneeded, counts } = explained;
  const report = {
    auditVersion: 1,
    imageId,
    explained: counts,
    findings: [...findings, ...missing].map(shown),
    secrets: [...secrets, ...onConsole].map(({ rule, where, path, offset }) => ({ rule, where, path, offset })),
    excepted: excepted.map(shown),
    unneededExceptions: unneeded,
  };
  return `${JSON.stringify(report, null, 1)}\n`;
}

/** Everything on the disk, with who explains it; `nobody` for what was found. */
export function listedFiles({ image, explained }: Pick<ReadDisks, 'image' | 'explained'>): readonly ListedFile[] {
  return [...image.entries.values()].map(({ path, kind, mode, uid, gid, sha256, target, device }) => {
    const owned = `${modeText(mode)} ${uid}:${gid}`;
    const what = kind === 'link' ? `-> ${target}` : `${owned} ${sha256 ?? device ?? kind}`;
    return { path, what, by: explained.explainers.get(path) ?? 'nobody' };
  });
}
