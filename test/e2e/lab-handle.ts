import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
} from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { createClients } from '../../src/aws/clients.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { cli, machineLeftovers, newStateFolder, upOwned } from './support.ts';

/**
 * A lab that a test file owns: its state folder, its endpoint, and the environment that points the command line at
 * it.
 */
export type LabHandle = {
  readonly endpoint: string;
  readonly stateFolder: string;
  readonly environment: Record<string, string>;
  /** A folder that goes with the lab. */
  newFolder(): Promise<string>;
  configWith(change: (text: string) => string): Promise<string>;
  waitForText(run: { all: NodeJS.ReadableStream }, pattern: RegExp): Promise<void>;
  killDescendants(pid: number | undefined, command: RegExp): Promise<void>;
  killTree(pid: number | undefined): Promise<void>;
  /** Stops the lab and throws when the machine still holds anything of it. */
  down(): Promise<void>;
};

type Process = { readonly pid: number; readonly parent: number; readonly command: string };

async function processes(): Promise<Process[]> {
  const { stdout } = await execa('ps', ['-e', '-o', 'pid=,ppid=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? '' }] : [];
  });
}

async function descendants(root: number): Promise<Process[]> {
  const all = await processes();
  const found: Process[] = [];
  const queue = [root];
  while (queue.length > 0) {
    const pid = queue.shift();
    for (const child of all.filter((each) => each.parent === pid)) {
      found.push(child);
      queue.push(child.pid);
    }
  }
  return found;
}

/** A lab that is half up or half down is nobody's. */
const WHOLE = { isDetached: true } as const;

/** Stops the lab, and removes its folder, unless the machine still holds something below it: that is to be seen. */
async function endLab(stateFolder: string): Promise<void> {
  const ended = await cli(['lab', 'down'], { ECS_HOST_STATE: stateFolder }, WHOLE);
  if (ended.exitCode !== 0) throw new Error(`lab down failed in ${stateFolder}:\n${ended.all}`);
  const left = await machineLeftovers(stateFolder);
  if (left.length > 0) throw new Error(`the lab in ${stateFolder} left behind:\n${left.join('\n')}`);
  await rm(stateFolder, { recursive: true, force: true });
}

export async function startLabForTests(): Promise<LabHandle> {
  const stateFolder = await newStateFolder();
  const up = await upOwned(stateFolder, WHOLE);
  if (up.exitCode !== 0) {
    await endLab(stateFolder);
    throw new Error(`the lab did not start:\n${up.all}`);
  }
  const { endpoint } = JSON.parse(up.stdout) as { endpoint: string };
  // A run that a test kills cannot remove what Packer keeps in its temporary folder.
  const temp = join(stateFolder, 'tmp');
  await mkdir(temp);
  const environment = { ECS_HOST_STATE: stateFolder, AWS_ENDPOINT_URL: endpoint, TMPDIR: temp };
  const newFolder = (): Promise<string> => mkdtemp(join(temp, 'test-'));
  return {
    endpoint,
    stateFolder,
    environment,
    newFolder,
    configWith: async (change) => {
      const before = await readFile(join(projectFolder(), 'hosts.yaml'), 'utf8');
      const after = change(before);
      if (after === before) throw new Error('the change did not apply to hosts.yaml');
      const file = join(await newFolder(), 'hosts.yaml');
      await writeFile(file, after);
      return file;
    },
    waitForText: (run, pattern) =>
      new Promise((resolve, reject) => {
        // A listener and not a loop: leaving a loop would close the stream under the command.
        let seen = '';
        run.all.on('data', (chunk: unknown) => {
          seen += String(chunk);
          if (pattern.test(seen)) resolve();
        });
        run.all.on('end', () => reject(new Error(`the command ended before it printed ${pattern}:\n${seen}`)));
      }),
    killDescendants: async (pid, command) => {
      const matching = (await descendants(pid ?? 0)).filter((each) => command.test(each.command.split(' ')[0] ?? ''));
      if (matching.length === 0) throw new Error(`no process below ${pid} matches ${command}`);
      for (const each of matching) process.kill(each.pid, 'SIGKILL');
    },
    killTree: async (pid) => {
      const below = await descendants(pid ?? 0);
      for (const each of [{ pid: pid ?? 0 }, ...below]) {
        try {
          process.kill(each.pid, 'SIGKILL');
        } catch {
          // It ended with its parent.
        }
      }
    },
    down: () => endLab(stateFolder),
  };
}

const API_REGIONS: Readonly<Record<string, string>> = { local: 'us-west-2' };

/**
 * Everything in a region that a finished run must not leave: machines, temporary groups and keys, volumes, snapshots
 * without an image.
 */
export async function awsLeftovers(lab: LabHandle, region = 'local'): Promise<string[]> {
  const clients = createClients(
    { apiRegion: API_REGIONS[region] ?? region, endpointUrl: lab.endpoint },
    { accessKeyId: 'lab', secretAccessKey: 'lab' },
  );
  try {
    const { ec2 } = clients;
    const [instances, keys, groups, volumes, snapshots, images] = await Promise.all([
      ec2.send(new DescribeInstancesCommand({})),
      ec2.send(new DescribeKeyPairsCommand({})),
      ec2.send(new DescribeSecurityGroupsCommand({})),
      ec2.send(new DescribeVolumesCommand({})),
      ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] })),
      ec2.send(new DescribeImagesCommand({ Owners: ['self'] })),
    ]);
    const used = new Set(
      (images.Images ?? []).flatMap((image) =>
        (image.BlockDeviceMappings ?? []).map((mapping) => mapping.Ebs?.SnapshotId),
      ),
    );
    return [
      ...(instances.Reservations ?? [])
        .flatMap((reservation) => reservation.Instances ?? [])
        .filter((instance) => instance.State?.Name !== 'terminated')
        .map((instance) => `instance ${instance.InstanceId} ${instance.State?.Name}`),
      ...(keys.KeyPairs ?? []).map((key) => `key pair ${key.KeyName}`),
      ...(groups.SecurityGroups ?? [])
        .filter(
          (group) =>
            (group.Tags ?? []).some((tag) => tag.Key === 'ecs-host:run-id') || /packer/i.test(group.GroupName ?? ''),
        )
        .map((group) => `security group ${group.GroupName}`),
      ...(volumes.Volumes ?? []).map((volume) => `volume ${volume.VolumeId}`),
      ...(snapshots.Snapshots ?? [])
        .filter((snapshot) => !used.has(snapshot.SnapshotId))
        .filter((snapshot) => (snapshot.Tags ?? []).some((tag) => tag.Key?.startsWith('ecs-host:')))
        .map((snapshot) => `snapshot ${snapshot.SnapshotId}`),
    ];
  } finally {
    clients.destroy();
  }
}
