import { open, stat } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeeds } from '../exec.ts';
import { reasonOf } from '../reason.ts';
import { chooseAccelerator } from './accelerator.ts';
import type { Driver, Supervisor } from './driver.ts';
import { INIT_STARTS, QEMU, qemuCommand } from './qemu.ts';
import { Qmp } from './qmp.ts';
import { type MachineProcess, spawnMachine, within } from './spawn-machine.ts';

const POLL_MS = 200;
const ASK_AGAIN_MS = 5000;
/** From power-on to the image's own init, where processors are emulated and others use them, too. */
const BOOT_LIMIT_MS = 300_000;

const CTRL_ALT_DELETE = ['ctrl', 'alt', 'delete'].map((data) => ({ type: 'qcode', data }));

/** What to press: the power button, or the keys that Linux reboots by. */
const ASK = {
  'power-off': { command: 'system_powerdown', parameters: {} },
  reboot: { command: 'send-key', parameters: { keys: CTRL_ALT_DELETE } },
} as const;

/**
 * Machines with a kernel of their own. The processors are this machine's where it has KVM, and else emulated, about
 * twenty times slower.
 */
export function qemuDriver(bootDisk: () => Promise<string>, log: (line: string) => void): Driver {
  let accelerator: Promise<'kvm' | 'tcg'> | null = null;
  return {
    shutdownLimitMs: 120_000,
    readyLimitMs: 120_000,
    // It begins anew in the same process.
    asksForReboot: () => false,
    powerOn: async ({ labId, namespace, spec, reserved, disk, volumes, gpus, groupFiles, consoleFile }) => {
      if (gpus !== null) throw new Error('a machine under QEMU has no simulated GPU');
      if (!(await succeeds(QEMU, ['--version'])))
        throw new Error(`there is no ${QEMU} on this machine, which instances with a kernel of their own run on`);
      accelerator ??= chooseAccelerator();
      const files = { disk, volumes, bootDisk: await bootDisk(), consoleFile };
      const command = qemuCommand(labId, spec, reserved, files, await accelerator);
      const printed = await sizeOf(consoleFile);
      const started = await spawnMachine({
        namespace,
        mount: null,
        groupFiles,
        command,
        consoleFile,
        hasSocket: true,
      });
      const qmp = new Qmp(started.child.stdio[3] as Duplex);
      // A QEMU that does not start says why on the console.
      void qmp.execute('qmp_capabilities').catch((error: unknown) => log(`${spec.instanceId}: ${reasonOf(error)}`));
      log(`${spec.instanceId} runs under QEMU, ${(await accelerator) === 'kvm' ? 'with KVM' : 'emulated'}`);
      const hasPrinted = async (): Promise<boolean> => (await textSince(consoleFile, printed)).includes(INIT_STARTS);
      return supervise(started, qmp, hasPrinted, listening(namespace, reserved.address));
    },
  };
}

function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function textSince(path: string, from: number): Promise<string> {
  const file = await open(path);
  try {
    const length = Math.max(0, (await file.stat()).size - from);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, from);
    return buffer.toString('latin1');
  } finally {
    await file.close();
  }
}

/** Asks from inside the lab's network, where no packet filter is in the way of what the lab itself sends. */
function listening(namespace: string, address: string): (port: number) => Promise<boolean> {
  return (port) =>
    succeeds('nsenter', [
      ...[`--net=/run/netns/${namespace}`, 'timeout', '1', 'bash', '-c', `: </dev/tcp/${address}/${port}`],
    ]);
}

function supervise(
  { child, pid, isRunning, ended }: MachineProcess,
  qmp: Qmp,
  hasPrintedInit: () => Promise<boolean>,
  listens: (port: number) => Promise<boolean>,
): Supervisor {
  const cut = async (): Promise<void> => {
    if (isRunning()) child.kill('SIGKILL');
    await ended;
  };
  /** In order, as often as it takes, until one of both has come about. */
  const press = async (what: keyof typeof ASK, done: Promise<unknown>, limitMs: number): Promise<boolean> => {
    const limit = Date.now() + limitMs;
    const { command, parameters } = ASK[what];
    while (Date.now() < limit) {
      await qmp.execute(command, parameters).catch(() => {});
      if (await within(done, Math.min(ASK_AGAIN_MS, limit - Date.now()))) return true;
    }
    return false;
  };
  return {
    pid,
    ended,
    cut,
    untilInit: async () => {
      const limit = Date.now() + BOOT_LIMIT_MS;
      while (isRunning()) {
        if (await hasPrintedInit()) return true;
        if (Date.now() > limit) await cut();
        await sleep(POLL_MS);
      }
      return false;
    },
    untilListening: async (port, limitMs) => {
      const limit = Date.now() + limitMs;
      while (isRunning() && Date.now() < limit && !(await listens(port))) await sleep(POLL_MS);
    },
    ask: async (what, limitMs) => {
      if (what === 'power-off') return press(what, ended, limitMs);
      const begunAnew = new Promise<void>((resolve) => qmp.onEvent((event) => event === 'RESET' && resolve()));
      return press(what, Promise.race([begunAnew, ended]), limitMs);
    },
  };
}
