import type { Check } from '#contracts/check.ts';
import type { ProvisionEvent } from '#contracts/provision-event.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { TargetConfig } from '#contracts/target-config.ts';

/**
 * `bake` is the build instance, at the end of which nothing of it may remain; `booted` is a machine that was launched
 * from the image; `set-up` is a machine that somebody had before, and may go on using without a boot.
 */
export type Stage = (typeof STAGES)[number];

const STAGES = ['bake', 'booted', 'set-up'] as const;

export function isStage(word: string | undefined): word is Stage {
  return STAGES.some((stage) => stage === word);
}

export type CheckInput = Omit<Check, 'verdict' | 'durationMs'> & { readonly isCorrect: boolean };

export type StepOptions = {
  /** Looks whether the step's work is there already; then the work is not done and the outcome is `unchanged`. */
  readonly doneWhen?: () => Promise<boolean>;
};

/** What a concern gets: the resolved configuration, and the only ways to speak. */
export type Context = {
  readonly target: TargetConfig;
  readonly stage: Stage;
  /** The files of packer/rootfs as they were carried; there until `clean`. */
  readonly rootfs: string;
  /** Carried files that are not part of rootfs; there until `clean`. */
  readonly payload: string;
  /** One named, timed piece of work. Work that returns false changed nothing; whatever else it returns, it did. */
  readonly step: (name: string, options: StepOptions, work: () => Promise<unknown>) => Promise<void>;
  /** One comparison. It never throws: a check that fails is a result. */
  readonly check: (check: CheckInput) => void;
  /** For what does not apply to this machine; the reason is for people. */
  readonly skip: (check: Pick<Check, 'id' | 'title' | 'expected'>, reason: string) => void;
  /** Runs a look that may throw: one that does makes the check `missing`, with the reason. */
  readonly look: (
    check: Pick<Check, 'id' | 'title' | 'expected'>,
    look: () => Promise<{ readonly actual: string; readonly isCorrect: boolean; readonly reason?: string }>,
  ) => Promise<void>;
  readonly versions: (versions: Readonly<Record<string, string>>) => void;
  /** What packages' lists come to (contracts/package-lists.ts). */
  readonly packages: (packages: Readonly<Record<string, string>>) => void;
};

/** A package, of an apt repository or of a file that is here. */
export type Package = {
  readonly name: string;
  /** None is any. */
  readonly version?: string;
  /** A deb, which is there once its concern has prepared. */
  readonly file?: string;
};

/** An apt repository beside the distribution's. */
export type Repository = {
  readonly name: string;
  readonly keyUrl: string;
  /** Of the one key that it may be signed with. */
  readonly fingerprint: string;
  readonly keyFile: string;
  readonly sourceList: string;
  /** The whole of the list. */
  readonly source: string;
};

/** What is carried to the build instance, as far as it decides what is on the image. */
export type Carried = {
  /** Of packer/rootfs, by the path on the image. */
  readonly rootfs: Readonly<Record<string, CarriedFile>>;
  /** Of the bundle; paths are below /opt/ecs-host. */
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly isProgram: boolean }[];
  readonly node: { readonly sha256: string };
};

export type CarriedFile = { readonly content: Uint8Array; readonly isProgram: boolean };

/** What a concern puts; whose it is, the manifest says. */
export type Put = Omit<ProvisionedEntry, 'provisioner'>;

/** Pure: what a concern leaves on an image. Nothing of a machine is asked. */
export type Puts = (target: TargetConfig, carried: Carried) => readonly Put[];

/**
 * One part of a machine. Its packages are data: concerns/packages.ts installs those of all concerns in one transaction,
 * in between `prepare` and `apply`.
 */
export type Concern = {
  readonly name: string;
  readonly repository?: (context: Pick<Context, 'target'>) => Repository | null;
  /** URLs of large files that `prepare` or `apply` will download; fetched while others install. */
  readonly downloads?: (context: Context) => Promise<readonly string[]>;
  /** What has to be so before any package comes. A second run changes nothing. */
  readonly prepare?: (context: Context) => Promise<void>;
  readonly packages?: (context: Context) => Promise<readonly Package[]>;
  /** What an image has of it; only of the concerns of a host, because a development host is no image. */
  readonly puts?: Puts;
  /** Brings the machine into the state. A second run changes nothing. */
  readonly apply: (context: Context) => Promise<void>;
  /** Only looks. */
  readonly verify: (context: Context) => Promise<void>;
};

export type Emit = (event: ProvisionEvent) => void;
