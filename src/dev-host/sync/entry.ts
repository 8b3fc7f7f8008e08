/**
 * A path below the synced folder, one character a byte (latin1): names of files are bytes and need not be text, and so
 * none is changed by being read. `shownPath` is for people.
 */
export type BytePath = string;

export type FileEntry = {
  readonly kind: 'file';
  readonly size: number;
  /** Of the last change, seconds with all digits that the file system has. */
  readonly time: string;
  readonly isExecutable: boolean;
};

export type Entry = FileEntry | { readonly kind: 'link'; readonly to: BytePath } | { readonly kind: 'folder' };

export type Listing = ReadonlyMap<BytePath, Entry>;

export type SideName = 'here' | 'there';

export function otherSide(side: SideName): SideName {
  return side === 'here' ? 'there' : 'here';
}

/** What is there as it was seen before. */
export function isSameEntry(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind === 'file' && b.kind === 'file')
    return a.size === b.size && a.time === b.time && a.isExecutable === b.isExecutable;
  if (a.kind === 'link' && b.kind === 'link') return a.to === b.to;
  return a.kind === b.kind;
}

function wholeSeconds(time: string): string {
  return time.split('.')[0] ?? time;
}

/** Whether a copy came out as its original; the file system that it is on may keep fewer digits of the time. */
export function isCopyOf(copy: Entry | undefined, original: Entry | undefined): boolean {
  if (copy?.kind !== 'file' || original?.kind !== 'file') return isSameEntry(copy, original);
  return (
    copy.size === original.size &&
    copy.isExecutable === original.isExecutable &&
    wholeSeconds(copy.time) === wholeSeconds(original.time)
  );
}

/** The folders above a path, the nearest first. */
export function foldersAbove(path: BytePath): BytePath[] {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, at) => parts.slice(0, parts.length - 1 - at).join('/'));
}

export function bytesOf(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** One line of text, whatever the name holds. */
export function shownPath(path: BytePath): string {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return /[\p{C}\ufffd]/u.test(text) ? JSON.stringify(text) : text;
}
