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
}
export interface Profile {
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
   * Swap file in MiB; 0 for none.
   */
  swapMiB?: number;
  /**
   * Sources that are not the official ones, and why; shown by plan, record and report.
   */
  substitutions?: Substitution[];
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
   * apt version to pin; null takes the newest that the source offers.
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
   * URL of the deb (aws only); the signature is at the same URL plus .asc.
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
   * Version to pin; null takes the newest.
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
 * What a developer builds and runs on a host; smoke does the same.
 */
export interface Workload {
  /**
   * Clone URL of the container-images repository.
   */
  repository: string;
  ref: GitRef;
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
   * Registry (and path) for FROM; empty for the public one.
   */
  baseImageRegistry?: string;
  ports?: WorkloadPorts;
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
