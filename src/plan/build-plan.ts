import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import type { BundleFile, NodeBinary } from '../bundle/names.ts';
import type { LeftOut, Placement } from './placement.ts';
import type { ProvisioningStep } from './provisioning.ts';

/**
 * Of the format of `plan.json`: the resolved build, readonly, nothing optional. Later verbs read it and refuse another
 * version.
 */
export const PLAN_VERSION = 6;

export type Transport = 'ssh' | 'session-manager';

/** Where the secret is that opens a private repository; the secret itself is in no plan. */
export type WorkloadCredential = {
  readonly kind: 'deploy-key' | 'token';
  readonly store: 'secrets-manager' | 'parameter-store';
  readonly name: string;
  /** Whom a token is shown for. */
  readonly user: string;
  /** Lines of known_hosts, for a deploy key. */
  readonly hostKeys: readonly string[];
};

/** A region that an image is copied to, and the names by which a copy is smoked there. */
export type ReleaseRegion = {
  /** As hosts.yaml names it. */
  readonly name: string;
  readonly apiRegion: string;
  /** null for the account's default key of EBS. */
  readonly kmsKey: string | null;
  readonly securityGroup: string;
  readonly instanceProfile: string;
  /** null for the security group's own. */
  readonly vpcId: string | null;
  /** null for any of the VPC. */
  readonly subnetIds: readonly string[] | null;
};

/** Where and how images of the plan are released; no part of the digest. */
export type ReleasePlan = {
  /** Beside the region of the plan. */
  readonly regions: readonly ReleaseRegion[];
  readonly verifyCopies: 'smoke' | 'snapshot';
  readonly share: {
    readonly accounts: readonly string[];
    readonly organizations: readonly string[];
    readonly organizationalUnits: readonly string[];
  };
  /** null for never. */
  readonly deprecateAfterDays: number | null;
  readonly protect: boolean;
};

export type Layer = {
  /** sha256 hex over what this layer is made of, and what is below it. */
  readonly digest: string;
  readonly provisioners: readonly string[];
};

export type Layers = { readonly slow: Layer; readonly fast: Layer };

export type BuildPlan = {
  readonly planVersion: typeof PLAN_VERSION;
  /** sha256 hex over everything that determines the image (not over the run, the region's network or the time). */
  readonly digest: string;
  /** A name for people: <profile>-<first 12 of digest>. */
  readonly planName: string;
  readonly profile: string;
  /** As the user wrote it: us-east-2, us-east-1, local. */
  readonly region: string;
  /** The region name sent to the API (for `local`, the one the lab answers for). */
  readonly apiRegion: string;
  /** Whether the region is the lab's, which is started where it is not up. */
  readonly isLab: boolean;
  /** What instances of baked images run on in the lab; null on AWS. */
  readonly machine: 'nspawn' | 'qemu' | null;
  /**
   * Where the API was when this was planned; null means AWS itself. A lab may be elsewhere when the plan is
   * followed.
   */
  readonly endpointUrl: string | null;
  readonly baseImage: {
    readonly id: string;
    readonly name: string;
    readonly ownerId: string;
    readonly architecture: 'x86_64';
    readonly rootDeviceName: string;
  };
  /** In order of preference; one determines as much of the image as another. */
  readonly instanceTypes: readonly string[];
  readonly gpu: boolean;
  readonly rootVolume: { readonly sizeGiB: number; readonly type: 'gp3'; readonly encrypted: true };
  /** What the root volume, and so the image, is encrypted with; null for the account's default key of EBS. */
  readonly kmsKey: string | null;
  readonly network: {
    readonly transport: Transport;
    readonly sshUser: string;
    /** Security group that hosts of this region run in (looked up by name; used by smoke). */
    readonly securityGroup: { readonly id: string; readonly name: string };
    readonly vpcId: string;
    /** CIDRs from which the temporary build security group lets ssh in; empty under session-manager. */
    readonly sshSourceCidrs: readonly string[];
  };
  /** Where instances are launched: the first, and the next where one has no capacity or quota. */
  readonly placements: readonly Placement[];
  /** What was looked at and left out. */
  readonly considered: readonly LeftOut[];
  /** Of hosts. */
  readonly instanceProfile: string;
  readonly buildInstanceProfile: string;
  /**
   * Where the ECS agent on a host finds the ECS API (ECS_BACKEND_HOST, written by user data); null means AWS itself.
   * The lab's is not `endpointUrl`: machines reach the lab at its address inside the namespace.
   */
  readonly ecsAgentEndpoint: string | null;
  readonly imageName: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly target: TargetConfig;
  /**
   * The state of the package lists that security updates come from, by suite: sha256 hex, or `unknown`. Empty where the
   * profile does without them.
   */
  readonly packageLists: Readonly<Record<string, string>>;
  /** Both layers of the image, and whether it is baked in them. */
  readonly layers: Layers & { readonly areWanted: boolean };
  /** What is carried to the build instance; paths are relative to the render output folder. */
  readonly bundles: readonly BundleFile[];
  readonly node: NodeBinary;
  /** The user's own host service, absolute; null for the project's. Its content is among the bundles. */
  readonly hostProgram: string | null;
  /** What happens on the build instance, word for word. */
  readonly provisioning: readonly ProvisioningStep[];
  /** What the provisioners leave on the image, by path; whatever else is there, they did not put. */
  readonly provisioned: readonly ProvisionedEntry[];
  readonly developerWorkload: {
    /** Where it is cloned from; null when it is carried from a folder. */
    readonly repository: {
      readonly url: string;
      readonly ref: string;
      readonly submoduleRefs: Readonly<Record<string, string>>;
      /** What opens a private one; null for a public one. */
      readonly credential: WorkloadCredential | null;
    } | null;
    /** Of the operator's machine, absolute; null when it is cloned. */
    readonly folder: string | null;
    readonly app: string;
    readonly baseImageRegistry: string;
    readonly ports: { readonly discoveryTcp: number; readonly streamUdp: number; readonly streamTcp: number };
  };
  readonly release: ReleasePlan;
  /** What an audit lets pass although nothing explains it; no part of the digest. */
  readonly auditExceptions: readonly { readonly path: string; readonly reason: string; readonly expires: string }[];
  /** Sources that are not the official ones, each with the reason: printed by plan, kept in record and report. */
  readonly substitutions: readonly { readonly component: string; readonly source: string; readonly reason: string }[];
  readonly toolchain: { readonly packer: string; readonly amazonPlugin: string };
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly hint: string }[];
};
