import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { execa } from 'execa';
import { ensureBaseImage } from '../../lab/base-image/base-image.ts';
import { DEBIAN } from '../../lab/base-image/stand-in.ts';
import { createDisks, importSnapshot } from '../../lab/disks/disks.ts';
import { loadIdentityKeys } from '../../lab/imds/identity-keys.ts';
import { createImds } from '../../lab/imds/imds.ts';
import type { Disks, MachineSpec, Machines } from '../../lab/machine-types.ts';
import { createMachines } from '../../lab/machines/machines.ts';
import { sweepLab } from '../../lab/machines/sweep.ts';
import { readAptMirrors } from '../../lab/mirror/apt-sources.ts';
import { MirrorCache } from '../../lab/mirror/cache.ts';
import { createMirrorListener } from '../../lab/mirror/listener.ts';
import { createNetwork } from '../../lab/net/network.ts';
import { attachHttp } from '../../lab/net/peer-socket.ts';
import { IMDS_ADDRESS, SERVICE_ADDRESS } from '../../lab/net/plan.ts';
import { startGateway } from '../../lab/net/start-gateway.ts';
import { ensurePart } from '../../lab/parts/part.ts';
import { DISK, QEMU_BOOT } from '../../lab/parts/qemu-boot/boot-disk.ts';
import { type LabPaths, labPaths } from '../../lab/paths.ts';

/** The machine side of the lab without its API: machines, disks, network, metadata and mirror. */
export type MachineLab = {
  readonly paths: LabPaths;
  readonly namespace: string;
  readonly machines: Machines;
  readonly disks: Disks;
  /** Base image to running init. @returns the address */
  launch(instanceId: string, change?: Partial<MachineSpec>): Promise<string>;
  specOf(instanceId: string): MachineSpec;
  close(): Promise<void>;
};

export const SSH_ALONE: MachineSpec['securityGroups'] = [
  { id: 'sg-1', name: 'ssh', ingress: [{ protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' }] },
];

/** ECS_HOST_STATE says where; `keyFile` is made with its public half beside it. */
export async function startMachineLab(keyFile: string): Promise<MachineLab> {
  const paths = await labPaths();
  await sweepLab(paths);
  const base = await ensureBaseImage(DEBIAN, paths.cache, (line) => process.stderr.write(`${line}\n`));
  const baseSnapshot = `snap-base-${base.recipe}`;
  await importSnapshot(paths.disks, baseSnapshot, base.file);
  const publicKey = await readFile(`${keyFile}.pub`, 'utf8');
  const disks = createDisks(paths.disks);
  const network = await createNetwork(paths);
  const specs = new Map<string, MachineSpec>();
  const specOf = (instanceId: string): MachineSpec => {
    const spec = specs.get(instanceId);
    if (!spec) throw new Error(`no ${instanceId}`);
    return spec;
  };

  const launchedAt = new Date();
  const imds = createServer(
    createImds({
      keys: await loadIdentityKeys(paths),
      lookup: (peer) => {
        const instanceId = network.instanceAt(peer);
        const spec = instanceId === null ? undefined : specs.get(instanceId);
        const address = instanceId === null ? null : network.addressOf(instanceId);
        return spec && address ? { spec, address, launchedAt } : null;
      },
    }),
  );
  const upstream = await readAptMirrors();
  const mirror = (name: string, url: string) =>
    new MirrorCache({ folder: join(paths.cache, 'apt', name), upstream: url, log: () => {} });
  const web = createServer(
    createMirrorListener({
      debian: mirror('debian', upstream.debian),
      'debian-security': mirror('debian-security', upstream.debianSecurity),
    }),
  );
  const imdsSocket = join(paths.run, 'imds.sock');
  const webSocket = join(paths.run, 'web.sock');
  const listeners = [await attachHttp(imdsSocket, imds), await attachHttp(webSocket, web)];
  const gateway = await startGateway(network.namespace, [
    { address: IMDS_ADDRESS, port: 80, socket: imdsSocket },
    { address: SERVICE_ADDRESS, port: 80, socket: webSocket },
  ]);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const bootDisk = async (): Promise<string> => join(await ensurePart(QEMU_BOOT, paths.cache, log), DISK);
  const machines = await createMachines({ paths, network, bootDisk, log });

  return {
    paths,
    namespace: network.namespace,
    machines,
    disks,
    specOf,
    launch: async (instanceId, change = {}) => {
      const spec: MachineSpec = {
        instanceId,
        region: 'us-east-2',
        availabilityZone: 'us-east-2a',
        accountId: '123456789012',
        imageId: 'ami-0123456789abcdef0',
        instanceType: 'g3s.xlarge',
        machine: 'nspawn',
        gpus: [],
        diskId: instanceId.replace(/^i-/, 'vol-'),
        volumes: [],
        vpcId: 'vpc-1',
        subnetId: 'subnet-1',
        keyPair: { name: 'test', publicKey },
        userData: null,
        instanceProfile: null,
        httpTokens: 'required',
        httpPutResponseHopLimit: 1,
        securityGroups: SSH_ALONE,
        ...change,
      };
      specs.set(instanceId, spec);
      const { address } = await machines.allocateAddress(instanceId);
      await disks.createFromSnapshot(spec.diskId, baseSnapshot, 32);
      for (const { diskId } of spec.volumes) await disks.createDataVolume(diskId, baseSnapshot, 8);
      await machines.start(spec);
      return address;
    },
    close: async () => {
      await machines.close();
      await gateway.stop();
      await network.destroy();
      for (const listener of listeners) listener.close();
      imds.closeAllConnections();
      web.closeAllConnections();
    },
  };
}

/** A shell in a machine, as its login user. `untilUp` waits for sshd and the key. */
export function shell(address: string, keyFile: string) {
  const ssh = (command: string) =>
    execa(
      'ssh',
      [
        ...[
          '-i',
          keyFile,
          '-o',
          'BatchMode=yes',
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
        ],
        ...['-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=3', `admin@${address}`, command],
      ],
      { reject: false, stdin: 'ignore', all: true, timeout: 240_000 },
    );
  return {
    try: ssh,
    run: async (command: string): Promise<string> => {
      const result = await ssh(command);
      if (result.exitCode !== 0) throw new Error(`${command}: exit code ${result.exitCode}\n${result.all}`);
      return result.stdout;
    },
    untilUp: async (): Promise<void> => {
      const limit = Date.now() + 60_000;
      while ((await ssh('true')).exitCode !== 0) {
        if (Date.now() > limit) throw new Error(`no ssh at ${address}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** Control groups that Docker or ECS in a machine would make at the top, were they not kept in the machine's own. */
export async function outerControlGroups(): Promise<string[]> {
  const { stdout } = await execa('find', [
    '/sys/fs/cgroup',
    '-maxdepth',
    '2',
    '-type',
    'd',
    '(',
    '-name',
    'docker',
    '-o',
    '-name',
    'ecs',
    ')',
  ]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

/** Everything on this machine that a lab, or one machine of it, could have left. */
export async function machineSideLeftovers(
  paths: LabPaths,
  what: { readonly instanceId?: string } = {},
): Promise<string[]> {
  const lab = `ecs-host-lab-${paths.id}`;
  const name = what.instanceId ?? lab;
  const lines = async (
    label: string,
    file: string,
    args: readonly string[],
    pick: (line: string) => boolean,
  ): Promise<string[]> =>
    (await execa(file, args, { reject: false })).stdout
      .split('\n')
      .filter(pick)
      .map((line) => `${label}: ${line}`);
  return [
    ...(await lines('cgroup', 'find', ['/sys/fs/cgroup', '-type', 'd', '-name', name], (line) => line !== '')),
    ...(await lines('loop', 'losetup', ['-l', '-n', '-O', 'BACK-FILE'], (line) => line.includes(paths.state))),
    ...(await lines('mount', 'cat', ['/proc/mounts'], (line) => line.includes(paths.state))),
    ...(await lines(
      'process',
      'pgrep',
      ['-af', 'systemd-nspawn'],
      (line) => line.includes(lab) && line.includes(what.instanceId ?? ''),
    )),
    ...(what.instanceId === undefined
      ? [
          ...(await lines('namespace', 'ip', ['netns', 'list'], (line) => line.startsWith(lab))),
          ...(await lines('link', 'ip', ['-o', 'link'], (line) => line.includes(`ehl-${paths.id}`))),
          ...(await lines('gateway', 'pgrep', ['-af', 'net/gateway.ts'], (line) => line.includes(paths.state))),
        ]
      : await lines('link', 'ip', ['-n', lab, '-o', 'link'], (line) => / m-/.test(line))),
  ];
}
