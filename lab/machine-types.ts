/**
 * The seam between the lab's API side (endpoint, moto) and its machines (disks, network, nspawn). The API side speaks
 * in EC2 ids; the machine side owns real things and never calls moto.
 */
export type MachineSpec = {
  readonly instanceId: string;
  /** moto region, for the identity document and placement. */
  readonly region: string;
  readonly availabilityZone: string;
  readonly accountId: string;
  readonly imageId: string;
  readonly instanceType: string;
  /** What it runs on: the kernel of this machine, or one of its own. */
  readonly machine: 'nspawn' | 'qemu';
  /** Of the type; empty for most. */
  readonly gpus: readonly GpuKind[];
  readonly diskId: string;
  /** Beside the root's: each is a block device of the machine. */
  readonly volumes: readonly DataVolume[];
  readonly vpcId: string;
  readonly subnetId: string;
  /** Null when none was asked for. */
  readonly keyPair: { readonly name: string; readonly publicKey: string } | null;
  /** Raw bytes as given to RunInstances, base64-decoded. */
  readonly userData: Uint8Array | null;
  readonly instanceProfile: { readonly arn: string; readonly name: string; readonly roleName: string } | null;
  readonly httpTokens: 'required' | 'optional';
  readonly httpPutResponseHopLimit: number;
  readonly securityGroups: readonly {
    readonly id: string;
    readonly name: string;
    readonly ingress: readonly IngressRule[];
  }[];
};

export type DataVolume = {
  readonly diskId: string;
  /** As it was asked for: `/dev/sdf`. */
  readonly deviceName: string;
};

/** GPUs of one kind, as EC2 describes a type. */
export type GpuKind = {
  /** EC2's: `M60`, `T4`. */
  readonly name: string;
  /** 0 where the type has a part of one. */
  readonly count: number;
  /** Of each. */
  readonly memoryMiB: number;
};

/** What may be wrong with a machine's GPUs. */
export const GPU_FAULTS = [
  'no-device',
  'init-failed',
  'fell-off-bus',
  'wrong-driver',
  'persistence-off',
  'second-gpu',
  'other-model',
] as const;

export type GpuFault = {
  readonly fault: (typeof GPU_FAULTS)[number];
  /** Which GPU, from 0 in the order of their addresses; null for all. */
  readonly slot: number | null;
  /** Of `other-model`: EC2's name of the GPU that is there instead. */
  readonly model: string | null;
};

export type IngressRule = {
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'all';
  readonly fromPort: number;
  readonly toPort: number;
  readonly cidr: string;
};

export type MachineAddress = { readonly address: string; readonly macAddress: string };

export type MachineStatus = 'running' | 'stopped' | 'gone';

/** Of EBS, whose direct APIs read snapshots in blocks. */
export const BLOCK_BYTES = 512 * 1024;

export type Disks = {
  /**
   * Makes a volume from a snapshot (or from the base image); copy-on-write where the file system can. Grows the file
   * system to sizeGiB.
   */
  createFromSnapshot(diskId: string, snapshotId: string, sizeGiB: number): Promise<void>;
  /** Another than the root volume: the snapshot's own bytes, and zeros behind them up to sizeGiB, as on EC2. */
  createDataVolume(diskId: string, snapshotId: string, sizeGiB: number): Promise<void>;
  /** Freezes a volume of a stopped machine into a snapshot. */
  createSnapshot(snapshotId: string, diskId: string): Promise<void>;
  copySnapshot(targetId: string, sourceId: string): Promise<void>;
  /** Numbers of the blocks of 512 KiB of a snapshot that are not all zeros, ascending. */
  dataBlocks(snapshotId: string): Promise<readonly number[]>;
  readBlock(snapshotId: string, index: number): Promise<Buffer>;
  removeDisk(diskId: string): Promise<void>;
  removeSnapshot(snapshotId: string): Promise<void>;
  list(): Promise<{ readonly disks: readonly string[]; readonly snapshots: readonly string[] }>;
};

export type Machines = {
  /** Reserves the address that the instance will have for life (public and private address are one here). */
  allocateAddress(instanceId: string): Promise<MachineAddress>;
  /**
   * Boots; resolves when the machine is ready for use: something listens on the ssh port, or five seconds after init
   * runs.
   */
  start(spec: MachineSpec): Promise<void>;
  /** Clean shutdown with a limit, then by force. */
  stop(instanceId: string, options: { readonly force: boolean }): Promise<void>;
  reboot(instanceId: string): Promise<void>;
  /** Stops, frees the address, removes the link and rules. The disk is the caller's. */
  terminate(instanceId: string): Promise<void>;
  setIngress(instanceId: string, groups: MachineSpec['securityGroups']): Promise<void>;
  /** What is wrong with its GPUs from now on, until it is terminated; a running machine sees it at once. */
  setGpuFaults(instanceId: string, faults: readonly GpuFault[]): Promise<void>;
  status(instanceId: string): MachineStatus;
  /** Everything that the machine printed on its console since it was created, newest 64 KiB. */
  consoleOutput(instanceId: string): Promise<string>;
  /** Called when a machine ends by itself (poweroff inside, crash); a reboot inside restarts it and is not reported. */
  onExit(listener: (instanceId: string, how: 'shutdown' | 'crashed') => void): void;
};
