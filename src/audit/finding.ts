import type { AuditEntry } from '#contracts/audit.ts';

/** What is wrong with a path. */
export type Finding = {
  readonly path: string;
  readonly kind: 'unexplained' | 'differs' | 'missing';
  /** What is wrong, in words. */
  readonly reason: string;
  /** Null for what is missing. */
  readonly entry: AuditEntry | null;
  /** The step of the bake in whose time it came about; null when that is not known. */
  readonly step: string | null;
};

/** As `ls -l` shows it. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** `file, 12 bytes, 0:0, 0644`, or where a link leads. */
export function describe({ kind, size, uid, gid, mode, target, device }: AuditEntry): string {
  const more = target !== undefined ? [`to ${target}`] : device !== undefined ? [device] : [];
  const bytes = size === undefined ? [] : [`${size} bytes`];
  return [kind, ...more, ...bytes, `${uid}:${gid}`, ...(kind === 'link' ? [] : [modeText(mode)])].join(', ');
}

/** One line of it, for a check. */
export function findingText({ reason, entry, step }: Finding): string {
  return [reason, ...(entry === null ? [] : [`(${describe(entry)})`]), ...(step === null ? [] : [`in ${step}`])].join(
    ' ',
  );
}

/** Null when both are the same thing; else what differs, in words. */
export function differenceBetween(found: AuditEntry, expected: Partial<AuditEntry>): string | null {
  const mode = (value: number | undefined): string | undefined => (value === undefined ? undefined : modeText(value));
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['kind', found.kind, expected.kind],
    ['content', found.sha256, expected.sha256],
    ['target', found.target, expected.target],
    ['device', found.device, expected.device],
    ['owner', found.uid, expected.uid],
    ['group', found.gid, expected.gid],
    ['mode', found.kind === 'link' ? undefined : mode(found.mode), mode(expected.mode)],
  ];
  const different = pairs.filter(([, a, b]) => a !== undefined && b !== undefined && a !== b);
  if (different.length === 0) return null;
  return different
    .map(([name, a, b]) => (name === 'content' ? 'its content' : `its ${name} (${String(a)} for ${String(b)})`))
    .join(', ');
}

/** Extended attributes and flags, in words; empty for none. */
export function specialsOf({ attributes = {}, flags = [] }: AuditEntry): readonly string[] {
  return [...Object.entries(attributes).map(([name, value]) => `${name}=${value}`), ...flags].sort();
}
