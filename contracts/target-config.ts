import type { Variant } from './provisioners.ts';

/** An OpenPGP key: 40 hex digits in capitals, and the key itself in ASCII. */
export type PinnedKey = { readonly fingerprint: string; readonly key: string };

/**
 * Whose signatures are taken for what comes from official hosts; null of what this target does not take from there. Of
 * a repository the fingerprint is enough, because the repository has the key beside it.
 */
export type Trust = {
  readonly docker: { readonly fingerprint: string } | null;
  readonly nvidiaContainerToolkit: { readonly fingerprint: string } | null;
  readonly ecsAgent: PinnedKey | null;
  readonly awsCli: PinnedKey | null;
};

/**
 * The file /opt/ecs-host/target.json on the build instance and on the image: everything the provisioners need to know,
 * resolved at plan time. Written by `render`, read by provisioners/run-concern.ts. Holds no secret.
 */
export type TargetConfig = {
  readonly version: 1;
  readonly profile: string;
  /** A baked image is always a `host`. */
  readonly variant: Variant;
  readonly os: { readonly distribution: 'ubuntu' | 'debian'; readonly codename: string };
  /**
   * Login user of the base image (`ubuntu`, `admin`), or whoever set up a machine of their own: joins group docker.
   * Null when there is nobody but root.
   */
  readonly sshUser: string | null;
  /** Ordered names of the provisioners that run for this profile. */
  readonly provisioners: readonly string[];
  readonly docker: {
    /**
     * `docker-ce` = Docker's own apt repository; `debian` = the distribution's docker.io, named in plan, record and
     * report.
     */
    readonly source: 'docker-ce' | 'distribution';
    /** apt version; null for the newest that the source offers, which only a set-up script has: a plan names it. */
    readonly version: string | null;
    /** Registries that Docker may speak plain http to (the lab's); empty on AWS. */
    readonly insecureRegistries: readonly string[];
  };
  readonly ecsAgent: {
    /**
     * `aws` = Amazon's deb with its signature verified; `lab-stand-in` = the package built in lab/ecs-agent, carried to
     * the target.
     */
    readonly source: 'aws' | 'lab-stand-in';
    /**
     * `aws`: the URL of the deb, in a plan one that names the version (the signature is at the same URL plus `.asc`).
     * `lab-stand-in`: file name under /opt/ecs-host/payload.
     */
    readonly package: string;
    readonly sha256: string | null;
  };
  readonly nvidia: null | {
    /** What the installer is for: servers, or graphics with a licence of AWS's. */
    readonly kind: 'data-center' | 'grid';
    readonly driverBranch: string;
    readonly driverVersion: string;
    readonly driverUrl: string;
    readonly driverSha256: string;
    /** Maxwell has no open kernel module. */
    readonly kernelModule: 'proprietary' | 'open';
    /** Whether the GPU's own firmware (GSP) is switched off. */
    readonly withoutFirmware: boolean;
    readonly containerToolkitVersion: string;
  };
  readonly hostService: {
    /** Path on the image that the unit runs, for example /opt/ecs-host/bin/ecs-hostd.mjs. */
    readonly entry: string;
  };
  readonly userTools: {
    readonly awsCli: { readonly source: 'aws' | 'distribution'; readonly version: string | null };
  };
  readonly trust: Trust;
  /** Whether the distribution's security updates are installed at the start of a bake. */
  readonly securityUpdates: boolean;
  readonly swapMiB: number;
};

/** The whole of the file. */
export function targetText(target: TargetConfig): string {
  return `${JSON.stringify(target, null, 2)}\n`;
}
