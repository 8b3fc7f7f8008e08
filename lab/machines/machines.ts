import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskFile } from '../disks/disks.ts';
import type { GpuFault, MachineSpec, MachineStatus, Machines } from '../machine-types.ts';
import type { Network } from '../net/network.ts';
import type { LabPaths } from '../paths.ts';
import { identify } from '../process-identity.ts';
import { reasonOf } from '../reason.ts';
import { pruneConsoles, readConsole } from './consoles.ts';
import { createControlGroups, removeControlGroups, removeLabControlGroups } from './control-groups.ts';
import type { Driver, Supervisor } from './driver.ts';
import { gpuDevices, putDevices } from './gpus.ts';
import { waitForNoLoopDevice } from './loop-devices.ts';
import { NSPAWN } from './nspawn-supervisor.ts';
import { qemuDriver } from './qemu-supervisor.ts';
import { consoleFile, gpuFolder, machineFolder, removeMachineFolder, writeRecord } from './records.ts';
import type { Ended } from './spawn-machine.ts';

export type MachinesParts = {
  readonly paths: LabPaths;
  readonly network: Network;
  /** What machines with a kernel of their own start from, made where it is not there; they boot no other. */
  readonly bootDisk: () => Promise<string>;
  readonly log?: (line: string) => void;
};

const SSH_PORT = 22;
const KILLED_LIMIT_MS = 10_000;

type Live = {
  readonly spec: MachineSpec;
  readonly driver: Driver;
  supervisor: Supervisor;
  /** Someone here asked for the end, so it is not news; a reboot inside counts as the end, too. */
  ending: boolean;
  /** Settles when the machine is off and cleaned up. */
  off: Promise<void>;
};

/** The lab's machines: on systemd-nspawn, or under QEMU, as each is asked for. */
export async function createMachines({
  paths,
  network,
  bootDisk,
  log = () => {},
}: MachinesParts): Promise<Machines & { close(): Promise<void> }> {
  await pruneConsoles(paths);
  const drivers = { nspawn: NSPAWN, qemu: qemuDriver(bootDisk, log) };
  const machines = new DrivenMachines(paths, network, drivers, log);
  return {
    allocateAddress: (instanceId) => network.allocate(instanceId),
    start: (spec) => machines.start(spec),
    reboot: (instanceId) => machines.reboot(instanceId),
    stop: (instanceId, { force }) => machines.stop(instanceId, force),
    terminate: (instanceId) => machines.terminate(instanceId),
    setIngress: (instanceId, groups) => network.setIngress(instanceId, groups),
    setGpuFaults: (instanceId, faults) => machines.setGpuFaults(instanceId, faults),
    status: (instanceId) => machines.status(instanceId),
    consoleOutput: (instanceId) => readConsole(paths, instanceId),
    onExit: (listener) => machines.onExit(listener),
    close: () => machines.close(),
  };
}

type ExitListener = (instanceId: string, how: 'shutdown' | 'crashed') => void;

class DrivenMachines {
  readonly #paths: LabPaths;
  readonly #network: Network;
  readonly #drivers: Readonly<Record<MachineSpec['machine'], Driver>>;
  readonly #log: (line: string) => void;
  readonly #live = new Map<string, Live>();
  readonly #listeners: ExitListener[] = [];
  readonly #gpuFaults = new Map<string, readonly GpuFault[]>();

  constructor(
    paths: LabPaths,
    network: Network,
    drivers: Readonly<Record<MachineSpec['machine'], Driver>>,
    log: (line: string) => void,
  ) {
    this.#paths = paths;
    this.#network = network;
    this.#drivers = drivers;
    this.#log = log;
  }

  async start(spec: MachineSpec): Promise<void> {
    const { instanceId } = spec;
    if (this.#live.has(instanceId)) return;
    const driver = this.#drivers[spec.machine];
    let supervisor: Supervisor;
    try {
      supervisor = await this.#powerOn(spec, driver);
    } catch (error) {
      await this.#cleanUp(spec);
      throw error;
    }
    const machine: Live = { spec, driver, supervisor, ending: false, off: Promise.resolve() };
    this.#live.set(instanceId, machine);
    const initRuns = supervisor.untilInit();
    // Until init runs, the end of the machine is this call's failure and no news for listeners.
    const early = initRuns.then(async (runs) => {
      if (!runs) machine.ending = true;
    });
    machine.off = early
      .then(() => this.#follow(machine))
      .catch((error: unknown) => {
        this.#live.delete(instanceId);
        this.#log(`${instanceId}: ${reasonOf(error)}`);
        this.#tellListeners(instanceId, 'crashed');
      });
    if (await initRuns) {
      await supervisor.untilListening(SSH_PORT, driver.readyLimitMs);
      return;
    }
    await machine.off;
    const console = await readConsole(this.#paths, instanceId);
    throw new Error(`${instanceId} did not boot: ${console.trim().split('\n').slice(-5).join('\n')}`);
  }

  async reboot(instanceId: string): Promise<void> {
    const machine = this.#live.get(instanceId);
    if (!machine) throw new Error(`${instanceId} is not running`);
    if (await machine.supervisor.ask('reboot', machine.driver.shutdownLimitMs)) return;
    this.#log(`${instanceId} does not shut down; power is cut and put on again`);
    await this.#end(machine, 0);
    await this.start(machine.spec);
  }

  async stop(instanceId: string, force: boolean): Promise<void> {
    const machine = this.#live.get(instanceId);
    if (machine) await this.#end(machine, force ? 0 : machine.driver.shutdownLimitMs);
  }

  async terminate(instanceId: string): Promise<void> {
    await this.stop(instanceId, false);
    this.#gpuFaults.delete(instanceId);
    await this.#network.release(instanceId);
    await removeMachineFolder(this.#paths, instanceId);
  }

  async setGpuFaults(instanceId: string, faults: readonly GpuFault[]): Promise<void> {
    const machine = this.#live.get(instanceId);
    if (machine) await this.#putGpus(machine.spec, faults);
    this.#gpuFaults.set(instanceId, faults);
  }

  async #putGpus({ instanceId, gpus }: MachineSpec, faults: readonly GpuFault[]): Promise<void> {
    await putDevices(gpuFolder(this.#paths, instanceId), gpuDevices(instanceId, gpus, faults));
  }

  status(instanceId: string): MachineStatus {
    if (this.#live.has(instanceId)) return 'running';
    return this.#network.addressOf(instanceId) === null ? 'gone' : 'stopped';
  }

  onExit(listener: ExitListener): void {
    this.#listeners.push(listener);
  }

  /** Ends them all at once, without asking them (for the end of the daemon). */
  async close(): Promise<void> {
    await Promise.all([...this.#live.values()].map((machine) => this.#end(machine, 0)));
    await removeLabControlGroups(this.#paths.id);
  }

  async #powerOn(spec: MachineSpec, driver: Driver): Promise<Supervisor> {
    const { instanceId } = spec;
    const { id } = this.#paths;
    const reserved = this.#network.addressOf(instanceId);
    if (reserved === null) throw new Error(`${instanceId} has no address`);
    const root = join(machineFolder(this.#paths, instanceId), 'root');
    const console = consoleFile(this.#paths, instanceId);
    const gpus = spec.gpus.length === 0 ? null : gpuFolder(this.#paths, instanceId);
    if (gpus !== null) await this.#putGpus(spec, this.#gpuFaults.get(instanceId) ?? []);
    await mkdir(root, { recursive: true });
    await mkdir(dirname(console), { recursive: true });
    await removeControlGroups(id, instanceId);
    const groupFiles = await createControlGroups(id, instanceId);
    await this.#network.attach(instanceId, spec);
    const supervisor = await driver.powerOn({
      labId: id,
      namespace: this.#network.namespace,
      spec,
      reserved,
      disk: diskFile(this.#paths.disks, spec.diskId),
      volumes: spec.volumes.map((volume) => ({ volume, file: diskFile(this.#paths.disks, volume.diskId) })),
      root,
      groupFiles,
      gpus,
      consoleFile: console,
    });
    const identity = await identify(supervisor.pid);
    if (identity) await writeRecord(this.#paths, { version: 1, instanceId, supervisor: identity });
    const gone = new AbortController();
    // Never rejects: also a machine that could not start has ended.
    void supervisor.ended.then(() => gone.abort());
    await this.#network.connect(instanceId, gone.signal);
    return supervisor;
  }

  async #cleanUp({ instanceId, diskId, volumes }: MachineSpec): Promise<void> {
    await removeControlGroups(this.#paths.id, instanceId);
    for (const id of [diskId, ...volumes.map((volume) => volume.diskId)])
      await waitForNoLoopDevice(diskFile(this.#paths.disks, id), KILLED_LIMIT_MS);
    await this.#network.detach(instanceId);
    await removeMachineFolder(this.#paths, instanceId);
  }

  /** Follows one machine through its reboots until it is off. */
  async #follow(machine: Live): Promise<void> {
    const { spec, driver } = machine;
    let ended: Ended;
    for (;;) {
      ended = await machine.supervisor.ended;
      if (machine.ending || !driver.asksForReboot(ended)) break;
      this.#log(`${spec.instanceId} reboots`);
      await this.#cleanUp(spec);
      if (machine.ending) break;
      machine.supervisor = await this.#powerOn(spec, driver);
      // Whoever asked for the end meanwhile could only ask the machine that was.
      if (machine.ending) await machine.supervisor.cut();
    }
    await this.#cleanUp(spec);
    this.#live.delete(spec.instanceId);
    if (machine.ending) return;
    const how = ended.exitCode === 0 ? 'shutdown' : 'crashed';
    this.#log(`${spec.instanceId} ended by itself: ${how} (exit code ${ended.exitCode}, signal ${ended.signal})`);
    this.#tellListeners(spec.instanceId, how);
  }

  async #end(machine: Live, limitMs: number): Promise<void> {
    machine.ending = true;
    if (limitMs > 0) {
      const done = await machine.supervisor.ask('power-off', limitMs);
      if (!done) this.#log(`${machine.spec.instanceId} does not shut down; ending it by force`);
    }
    await machine.supervisor.cut();
    await machine.off;
  }

  #tellListeners(instanceId: string, how: 'shutdown' | 'crashed'): void {
    for (const listener of this.#listeners) listener(instanceId, how);
  }
}
