/**
 * What the auditor's program (auditor/) is asked, as JSON on its standard input, and what it prints: lines of JSON,
 * compressed with gzip. The last line is of type `end`; output without it is not whole.
 */
export type AuditRequest = ManifestRequest | ScanRequest | TextRequest;

/**
 * Which disk of the machine that it runs on. A volume is found by its id where the machine says it (NVMe), else by the
 * name that it was attached under (`/dev/sdf` may be `/dev/xvdf` here).
 */
export type AuditedDisk =
  | { readonly volumeId: string; readonly deviceName: string }
  /** The disk that the machine itself runs from, as it is right now. */
  | 'own root';

export type ManifestRequest = {
  readonly action: 'manifest';
  readonly disk: AuditedDisk;
  /**
   * Of files whose path begins with one of these (`*` is one name) the content is printed, too; those of more than
   * 4 MiB are not, but for the first 4 KiB of one that is asked for by its whole path.
   */
  readonly contents: readonly string[];
  /**
   * Files whose path begins with one of these are archives (cpio, as kernels take them, packed by gzip, zstd, lz4 or
   * xz), whose members are printed by their hash.
   */
  readonly archives?: readonly string[];
  /** Members whose path begins with one of these (`*` is one name) have their content, if that is at most 64 KiB. */
  readonly memberContents?: readonly string[];
};

export type ScanRequest = {
  readonly action: 'scan';
  readonly disk: AuditedDisk;
  /** Files to be searched for secrets. */
  readonly files: readonly string[];
  /** Whether what belongs to no file is searched: free blocks, the journal, the ends of files' last blocks. */
  readonly freeSpace: boolean;
  /**
   * The parts of the disk that may hold anything but zeros, in bytes from its beginning and in order; null when that is
   * not known.
   */
  readonly data: readonly (readonly [from: number, to: number])[] | null;
};

/** A text that is on no disk, to be searched for secrets: findings have its name as their path. */
export type TextRequest = { readonly action: 'text'; readonly name: string; readonly text: string };

export type AuditLine = DiskLine | EntryLine | MemberLine | ContentLine | FindingLine | EndLine;

export type Partition = {
  /** 1 for the first; 0 for a file system that fills a disk without a partition table. */
  readonly number: number;
  readonly from: number;
  readonly bytes: number;
  /** GUID of its type; of an MBR its byte as `0x83`; null without a partition table. */
  readonly type: string | null;
  readonly label: string | null;
  readonly fileSystem: 'ext4' | 'other';
  /** Of its bytes, for one that is not read as a file system. */
  readonly sha256: string | null;
};

/** A part of the disk that is in no partition: its tables, and maybe boot code or what somebody hid. */
export type UnpartitionedArea = {
  readonly from: number;
  readonly bytes: number;
  /** Null for one of more than 64 MiB, which is room for partitions to grow. */
  readonly sha256: string | null;
};

export type DiskLine = {
  readonly type: 'disk';
  readonly bytes: number;
  /** In the order of the disk. */
  readonly partitions: readonly Partition[];
  readonly unpartitioned: readonly UnpartitionedArea[];
};

export type AuditEntry = {
  /** Absolute, as on the booted image. A byte that is no UTF-8 is written `\xNN`, a backslash `\\`. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'socket' | 'pipe' | 'char' | 'block';
  /** Permissions, with setuid, setgid and sticky (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file, in bytes. */
  readonly size?: number;
  /** Of a file. */
  readonly sha256?: string;
  /** Of a file; what packages of Debian come with. */
  readonly md5?: string;
  /** Of a file of more than 1 MiB that ends with zeros: where they begin, in bytes. */
  readonly zeroFrom?: number;
  /** Of a link, written as a path is. */
  readonly target?: string;
  /** Of a device: `major:minor`. */
  readonly device?: string;
  readonly inode: number;
  /** Names that it has. */
  readonly links: number;
  /** Seconds since 1970, with a fraction. */
  readonly mtime: number;
  readonly ctime: number;
  /** When the inode was made; 0 where inodes have no room for it. */
  readonly crtime: number;
  /** Extended attributes by their whole name (`security.capability`, `system.posix_acl_access`), base64. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly flags?: readonly ('immutable' | 'append-only')[];
};

export type EntryLine = AuditEntry & { readonly type: 'entry'; readonly partition: number };

/** What is in an archive; its path as the archive has it. */
export type MemberLine = {
  readonly type: 'member';
  readonly archive: string;
  readonly path: string;
  readonly kind: AuditEntry['kind'];
  readonly mode: number;
  readonly sha256?: string;
  readonly target?: string;
  /** The content of a file that was asked for. */
  readonly base64?: string;
};

export type ContentLine = { readonly type: 'content'; readonly path: string; readonly base64: string };

/** Never the secret itself. */
export type FindingLine = {
  readonly type: 'finding';
  /** Of the scanner's rules, as it names them. */
  readonly rule: string;
  readonly where: 'file' | 'free space' | 'journal' | 'end of a file';
  /** Of the file; null in free space and in the journal. */
  readonly path: string | null;
  /** From the beginning of the file, or else of the disk, in bytes. */
  readonly offset: number;
};

export type EndLine = { readonly type: 'end'; readonly lines: number; readonly durationMs: number };
