import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskFile } from '../disks/disks.ts';
import type { Network } from '../net/network.ts';
import type { LabPaths } from '../paths.ts';
import { identify } from '../process-identity.ts';
import { reasonOf } from '../reason.ts';
import { createControlGroups, removeControlGroups, removeLabControlGroups } from './control-groups.ts';
import { waitForNoLoopDevice } from './loop-devices.ts';
import { nspawnCommand, REBOOT_EXIT_CODE } from './nspawn.ts';
import { consoleFile, machineFolder, removeMachineFolder, writeRecord } from './records.ts';
import { type Ended, type Supervisor, startSupervisor } from './supervisor.ts';
import type { MachineSpec, Machines } from './types.ts';

export type MachinesParts = {
  readonly paths: LabPaths;
  readonly network: Network;
  readonly log?: (line: string) => void;
};

/** For a clean shutdown; EC2 gives longer, but then nothing in the lab has anything to flush to a network. */
const SHUTDOWN_LIMIT_MS = 30_000;
const SSH_PORT = 22;
/** How long a machine may take to be ready for use; one without ssh is `running` after that. */
const READY_LIMIT_MS = 5000;
const KILLED_LIMIT_MS = 10_000;
const KEPT_CONSOLES = 20;
const CONSOLE_BYTES = 64 * 1024;

type Live = {
  readonly spec: MachineSpec;
  supervisor: Supervisor;
  /** Someone here asked for the end, so it is not news; a reboot inside counts as the end, too. */
  ending: boolean;
  /** Settles when the machine is off and cleaned up. */
  off: Promise<void>;
};

/** The lab's machines on systemd-nspawn. `close` ends them all at once, without asking them (for the end of the daemon). */
export async function createMachines({
  paths,
  network,
  log = () => {},
}: MachinesParts): Promise<Machines & { close(): Promise<void> }> {
  const live = new Map<string, Live>();
  const listeners: ((instanceId: string, how: 'shutdown' | 'crashed') => void)[] = [];
  await pruneConsoles(paths);

  const powerOn = async (spec: MachineSpec): Promise<Supervisor> => {
    const { instanceId } = spec;
    const reserved = network.addressOf(instanceId);
    if (reserved === null) throw new Error(`${instanceId} has no address`);
    const root = join(machineFolder(paths, instanceId), 'root');
    const console = consoleFile(paths, instanceId);
    await mkdir(root, { recursive: true });
    await mkdir(dirname(console), { recursive: true });
    await removeControlGroups(paths.id, instanceId);
    const groupFiles = await createControlGroups(paths.id, instanceId);
    await network.attach(instanceId, spec);
    const supervisor = await startSupervisor({
      namespace: network.namespace,
      disk: diskFile(paths.disks, spec.diskId),
      root,
      groupFiles,
      command: nspawnCommand(paths.id, spec, reserved, root),
      consoleFile: console,
    });
    const identity = await identify(supervisor.pid);
    if (identity) await writeRecord(paths, { version: 1, instanceId, supervisor: identity });
    const gone = new AbortController();
    void supervisor.ended.then(() => gone.abort());
    await network.connect(instanceId, gone.signal);
    return supervisor;
  };

  const cleanUp = async (spec: MachineSpec): Promise<void> => {
    await removeControlGroups(paths.id, spec.instanceId);
    await waitForNoLoopDevice(diskFile(paths.disks, spec.diskId), KILLED_LIMIT_MS);
    await network.detach(spec.instanceId);
    await removeMachineFolder(paths, spec.instanceId);
  };

  /** Follows one machine through its reboots until it is off. */
  const follow = async (machine: Live): Promise<void> => {
    const { spec } = machine;
    let ended: Ended;
    for (;;) {
      ended = await machine.supervisor.ended;
      if (machine.ending || ended.exitCode !== REBOOT_EXIT_CODE) break;
      log(`${spec.instanceId} reboots`);
      await cleanUp(spec);
      if (machine.ending) break;
      machine.supervisor = await powerOn(spec);
      // Whoever asked for the end meanwhile could only ask the machine that was.
      if (machine.ending) await machine.supervisor.cut();
    }
    await cleanUp(spec);
    live.delete(spec.instanceId);
    if (machine.ending) return;
    const how = ended.exitCode === 0 ? 'shutdown' : 'crashed';
    log(`${spec.instanceId} ended by itself: ${how} (exit code ${ended.exitCode}, signal ${ended.signal})`);
    for (const listener of listeners) listener(spec.instanceId, how);
  };

  const end = async (machine: Live, limitMs: number): Promise<void> => {
    machine.ending = true;
    if (limitMs > 0) {
      const done = await machine.supervisor.ask('power-off', limitMs);
      if (!done) log(`${machine.spec.instanceId} does not shut down; ending it by force`);
    }
    await machine.supervisor.cut();
    await machine.off;
  };

  const start = async (spec: MachineSpec): Promise<void> => {
    if (live.has(spec.instanceId)) return;
    let supervisor: Supervisor;
    try {
      supervisor = await powerOn(spec);
    } catch (error) {
      await cleanUp(spec);
      throw error;
    }
    const machine: Live = { spec, supervisor, ending: false, off: Promise.resolve() };
    live.set(spec.instanceId, machine);
    const initRuns = supervisor.untilInit();
    // Until init runs, the end of the machine is this call's failure and no news for listeners.
    const early = initRuns.then(async (runs) => {
      if (!runs) machine.ending = true;
    });
    machine.off = early
      .then(() => follow(machine))
      .catch((error: unknown) => {
        live.delete(spec.instanceId);
        log(`${spec.instanceId}: ${reasonOf(error)}`);
        for (const listener of listeners) listener(spec.instanceId, 'crashed');
      });
    if (await initRuns) {
      await supervisor.untilListening(SSH_PORT, READY_LIMIT_MS);
      return;
    }
    await machine.off;
    const console = await readConsole(paths, spec.instanceId);
    throw new Error(`${spec.instanceId} did not boot: ${console.trim().split('\n').slice(-5).join('\n')}`);
  };

  const reboot = async (instanceId: string): Promise<void> => {
    const machine = live.get(instanceId);
    if (!machine) throw new Error(`${instanceId} is not running`);
    if (await machine.supervisor.ask('reboot', SHUTDOWN_LIMIT_MS)) return;
    log(`${instanceId} does not shut down; power is cut and put on again`);
    await end(machine, 0);
    await start(machine.spec);
  };

  return {
    allocateAddress: (instanceId) => network.allocate(instanceId),
    start,
    reboot,
    stop: async (instanceId, { force }) => {
      const machine = live.get(instanceId);
      if (machine) await end(machine, force ? 0 : SHUTDOWN_LIMIT_MS);
    },
    terminate: async (instanceId) => {
      const machine = live.get(instanceId);
      if (machine) await end(machine, SHUTDOWN_LIMIT_MS);
      await network.release(instanceId);
      await removeMachineFolder(paths, instanceId);
    },
    setIngress: (instanceId, groups) => network.setIngress(instanceId, groups),
    status: (instanceId) =>
      live.has(instanceId) ? 'running' : network.addressOf(instanceId) === null ? 'gone' : 'stopped',
    consoleOutput: (instanceId) => readConsole(paths, instanceId),
    onExit: (listener) => {
      listeners.push(listener);
    },
    close: async () => {
      await Promise.all([...live.values()].map((machine) => end(machine, 0)));
      await removeLabControlGroups(paths.id);
    },
  };
}

async function readConsole(paths: LabPaths, instanceId: string): Promise<string> {
  const file = await open(consoleFile(paths, instanceId)).catch(() => null);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, CONSOLE_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8').replaceAll('\r\n', '\n');
  } finally {
    await file.close();
  }
}

/** A console log outlives its machine, as EC2's does for a while; here the newest ones stay. */
async function pruneConsoles(paths: LabPaths): Promise<void> {
  const folder = dirname(consoleFile(paths, ''));
  const files = await Promise.all(
    (await readdir(folder).catch(() => [])).map(async (name) => ({
      name,
      age: (await stat(join(folder, name))).mtimeMs,
    })),
  );
  for (const { name } of files.toSorted((a, b) => b.age - a.age).slice(KEPT_CONSOLES))
    await rm(join(folder, name), { force: true });
}
