/* Generated from hosts.schema.json by `npm run generate`. */

export type InstanceType = string;
export type Sha256 = string;
export type GitRef = string;
export type Port = number;

/**
 * hosts.yaml: which images to bake (profiles) and where (regions).
 */
export interface HostsConfig {
  /**
   * Version of this format.
   */
  version: 1;
  /**
   * What to bake, by name.
   */
  profiles: {
    [k: string]: Profile;
  };
  /**
   * Where to bake, by the name that --region takes.
   */
  regions: {
    [k: string]: Region;
  };
  /**
   * What `ecs-host nightly` bakes, proves and releases when it is told nothing else; without this key the lab.
   *
   * @minItems 1
   * @maxItems 200
   */
  nightly?: Nightly[];
}
export interface Profile {
  /**
   * Another profile, whose keys hold where this one does not say otherwise. Mappings are joined, lists and single values replaced, and nothing (`null`) leaves a key out. What is required is required of the whole.
   */
  like?: string;
  /**
   * One line for people.
   */
  description: string;
  os: OperatingSystem;
  baseImage: BaseImage;
  /**
   * Type of the build and smoke instances; this or instanceTypes.
   */
  instanceType?: string;
  /**
   * Types in order of preference: the next is taken where one has no capacity or quota.
   *
   * @minItems 1
   */
  instanceTypes?: InstanceType[];
  rootVolume?: RootVolume;
  /**
   * How the build and smoke instances are reached: session-manager needs no open port; ssh goes to the public address.
   */
  transport?: 'session-manager' | 'ssh';
  /**
   * From where ssh is let in, under transport ssh only.
   *
   * @maxItems 60
   */
  sshSourceCidrs?: string[];
  docker: DockerSource;
  ecsAgent: EcsAgentSource;
  nvidia?: Nvidia;
  awsCli?: AwsCliSource;
  hostService?: HostServiceProgram;
  /**
   * Install the distribution's security updates at the start of a bake, but none of the kernel.
   */
  securityUpdates?: boolean;
  /**
   * Bake in two layers, each an image: what changes seldom, which later bakes begin with, and the rest.
   */
  layers?: boolean;
  /**
   * Swap file in MiB; 0 for none.
   */
  swapMiB?: number;
  /**
   * What may be on an image although nothing explains it, each with the reason and the day on which that ends.
   */
  auditExceptions?: AuditException[];
  /**
   * Sources that are not the official ones, and why; shown by plan, record and report.
   */
  substitutions?: Substitution[];
  release?: Release;
  workload: Workload;
}
export interface OperatingSystem {
  distribution: 'ubuntu' | 'debian';
  codename: 'focal' | 'jammy' | 'noble' | 'bookworm';
  /**
   * Login user of the base image; joins group docker.
   */
  sshUser: string;
}
/**
 * The newest image of this owner whose name matches is the base; plan.json pins its id.
 */
export interface BaseImage {
  /**
   * Twelve-digit account id. Canonical: 099720109477. Debian: 136693071363.
   */
  ownerId: string;
  /**
   * Name filter; * stands for any text. Deprecated images are included.
   */
  name: string;
}
export interface RootVolume {
  /**
   * Size in GiB.
   */
  sizeGiB?: number;
}
export interface DockerSource {
  /**
   * docker-ce: Docker's own apt repository. distribution: the distribution's docker.io.
   */
  source: 'docker-ce' | 'distribution';
  /**
   * apt version to pin; null takes the newest that the source offers when the plan is made.
   */
  version?: string | null;
  /**
   * host[:port] of registries that Docker may speak plain http to.
   */
  insecureRegistries?: string[];
}
export interface EcsAgentSource {
  /**
   * aws: Amazon's deb with its signature verified. lab-stand-in: the lab's own agent, which speaks the same wire.
   */
  source: 'aws' | 'lab-stand-in';
  /**
   * URL of the deb (aws only); the signature is at the same URL plus .asc. For amazon-ecs-init-latest the plan names the newest version.
   */
  package?: string;
  /**
   * Pins the package; null takes what the signature vouches for.
   */
  sha256?: string | null;
  /**
   * Where agents on the hosts find the ECS API; null is AWS.
   */
  apiEndpoint?: string | null;
}
/**
 * Leave out on profiles without a GPU.
 */
export interface Nvidia {
  /**
   * data-center: NVIDIA's driver for servers. grid: its driver for graphics (RTX virtual workstation), which AWS offers for its G families; parts of a GPU (g6f) need it.
   */
  kind?: 'data-center' | 'grid';
  /**
   * Full version, for example 580.95.05.
   */
  driverVersion: string;
  /**
   * The .run installer.
   */
  driverUrl: string;
  driverSha256: Sha256;
  /**
   * Turing and newer have an open module, Blackwell only that; Maxwell (g3) and Volta (p3) have none.
   */
  kernelModule: 'proprietary' | 'open';
  /**
   * Full apt version of the NVIDIA container toolkit.
   */
  containerToolkitVersion: string;
}
export interface AwsCliSource {
  source: 'aws' | 'distribution';
  /**
   * Version to pin (source distribution: the apt version); null takes the newest when the plan is made.
   */
  version?: string | null;
}
/**
 * A host service of your own in place of the project's; hostd/README.md says what it has to keep.
 */
export interface HostServiceProgram {
  /**
   * Path of one executable file, from the folder of hosts.yaml; it runs with no arguments.
   */
  program: string;
}
export interface AuditException {
  /**
   * Of a file on the image, or of everything below a folder: /srv/data/**.
   */
  path: string;
  /**
   * Why it may be there.
   */
  reason: string;
  /**
   * The last day on which it counts (UTC).
   */
  expires: string;
}
export interface Substitution {
  /**
   * What is replaced.
   */
  component: string;
  /**
   * Where it comes from instead.
   */
  source: string;
  /**
   * Why.
   */
  reason: string;
}
/**
 * Where and how an image of this profile is released; without it, in the region of its bake alone.
 */
export interface Release {
  /**
   * Regions to copy to, by their names in `regions`; the region of the bake is always one.
   *
   * @maxItems 40
   */
  regions?: string[];
  /**
   * How a copy is proven: smoke runs the whole smoke test in its region; snapshot compares its content, block by block, with that of the image that passed.
   */
  verifyCopies?: 'smoke' | 'snapshot';
  share?: Share;
  /**
   * Days after its release until EC2 calls the image deprecated; never when left out.
   */
  deprecateAfterDays?: number;
  /**
   * Let EC2 refuse to deregister a released image.
   */
  protect?: boolean;
}
/**
 * Who else may launch instances of a released image. Each region needs a kmsKey of your own, which they may use.
 */
export interface Share {
  /**
   * Twelve-digit account ids, in quotes.
   *
   * @maxItems 100
   */
  accounts?: string[];
  /**
   * ARNs of organizations.
   *
   * @maxItems 100
   */
  organizations?: string[];
  /**
   * ARNs of organizational units.
   *
   * @maxItems 100
   */
  organizationalUnits?: string[];
}
/**
 * What a developer builds and runs on a host; smoke does the same.
 */
export interface Workload {
  /**
   * Clone URL of the container-images repository; or name a folder.
   */
  repository?: string;
  /**
   * A folder of this machine with the container images, in place of a repository: carried to the host over ssh, without what git ignores. The path is taken from the folder of hosts.yaml.
   */
  folder?: string;
  /**
   * Branch, tag or commit of the repository.
   */
  ref?: string;
  credential?: RepositoryCredential;
  /**
   * Submodule path to the ref to use instead of the recorded commit.
   */
  submoduleRefs?: {
    [k: string]: GitRef;
  };
  /**
   * Folder of the app in the repository.
   */
  app: string;
  /**
   * Registry (and path) for FROM, and for `debian:bookworm`, of which smoke has ECS start a task; empty for Docker Hub, which limits who pulls without a name.
   */
  baseImageRegistry?: string;
  ports?: WorkloadPorts;
}
/**
 * What opens a private repository. The secret is read by whoever runs this program, is handed to the host over ssh, and is gone there when the clone has ended.
 */
export interface RepositoryCredential {
  /**
   * deploy-key: a private key, for an ssh:// URL. token: for an https:// URL.
   */
  kind: 'deploy-key' | 'token';
  /**
   * Name or ARN of a secret of AWS Secrets Manager, as text.
   */
  secret?: string;
  /**
   * Name of a SecureString parameter of Systems Manager.
   */
  parameter?: string;
  /**
   * User name that a token is shown with.
   */
  user?: string;
  /**
   * Lines of known_hosts of the server, for a deploy key; GitHub's own is known.
   *
   * @minItems 1
   * @maxItems 10
   */
  hostKeys?: string[];
}
export interface WorkloadPorts {
  discoveryTcp: Port;
  streamUdp: Port;
  streamTcp: Port;
}
export interface Region {
  /**
   * Profile that is baked when --profile is not given.
   */
  profile: string;
  /**
   * Region name sent to the API; the region's own name when left out.
   */
  apiRegion?: string;
  /**
   * true: the API is the lab on this machine, which is started when it is not up.
   */
  lab?: boolean;
  /**
   * What instances of baked images run on in the lab. nspawn: the kernel of this machine. qemu: a kernel of their own, with KVM where this machine has it, else about twenty times slower. The build instance shares the kernel in any case.
   */
  machine?: 'nspawn' | 'qemu';
  /**
   * Name of the group that hosts run in.
   */
  securityGroup: string;
  /**
   * IAM instance profile of hosts, and of build instances where those have none of their own.
   */
  instanceProfile: string;
  /**
   * IAM instance profile of build instances; instanceProfile when left out.
   */
  buildInstanceProfile?: string;
  /**
   * Key that images of this region are encrypted with; the account's default key of EBS when left out.
   */
  kmsKey?: string;
  /**
   * VPC of the security group and of all instances; the group's own when left out.
   */
  vpcId?: string;
  /**
   * The only subnets that instances may be launched in; every fit one of the VPC when left out.
   *
   * @minItems 1
   */
  subnetIds?: string[];
}
export interface Nightly {
  /**
   * One of profiles.
   */
  profile: string;
  /**
   * One of regions.
   */
  region: string;
}
