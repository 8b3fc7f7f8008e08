import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver, Supervisor } from './driver.ts';
import { nodeOf, nspawnCommand, REBOOT_EXIT_CODE } from './nspawn.ts';
import { type MachineProcess, spawnMachine, within } from './spawn-machine.ts';

const POLL_MS = 20;
/** The kernel goes through its table of all connections for each look. */
const LISTEN_POLL_MS = 200;
const FOLLOW_MS = 2000;
const ASK_AGAIN_MS = 1000;

/** systemd's SIGRTMIN+4 and +5: power off, reboot. glibc's SIGRTMIN is 34. */
const ASK = { 'power-off': 38, reboot: 39 } as const;

/** The machine's process 1 is the child of nspawn that is number 1 in the innermost process namespace. */
async function findInit(supervisor: number): Promise<number | null> {
  const children = await readFile(`/proc/${supervisor}/task/${supervisor}/children`, 'latin1').catch(() => '');
  for (const pid of children.split(' ').filter((one) => one !== '')) {
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
    const numbers = /^NSpid:\t(.*)$/m.exec(status)?.[1]?.split('\t') ?? [];
    if (numbers.length > 1 && numbers.at(-1) === '1') return Number(pid);
  }
  return null;
}

/** State of a listening socket in /proc/net/tcp. */
const LISTEN = '0A';

/** Looks into the network namespace of a process, so no packet filter and no connection is in the way. */
async function listens(pid: number, port: number): Promise<boolean> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['tcp', 'tcp6']) {
    const lines = (await readFile(`/proc/${pid}/net/${table}`, 'latin1').catch(() => '')).split('\n').slice(1);
    for (const line of lines) {
      const [, local = '', , state] = line.trim().split(/\s+/);
      if (state === LISTEN && local.endsWith(wanted)) return true;
    }
  }
  return false;
}

function kill(pid: number, signal: number | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

/** Systems on the kernel of this machine, which the lab sees into: process 1 is a process here, too. */
export const NSPAWN: Driver = {
  shutdownLimitMs: 30_000,
  readyLimitMs: 5000,
  asksForReboot: ({ exitCode }) => exitCode === REBOOT_EXIT_CODE,
  powerOn: async ({ labId, namespace, spec, reserved, disk, volumes, root, gpus, groupFiles, consoleFile }) => {
    const command = nspawnCommand(labId, spec, reserved, { root, gpus });
    const devices = volumes.map(({ volume, file }) => ({ node: nodeOf(volume.deviceName), file }));
    const mount = { disk, root, devices };
    return supervise(await spawnMachine({ namespace, mount, groupFiles, command, consoleFile }));
  },
};

function supervise({ child, pid, isRunning, ended }: MachineProcess): Supervisor {
  let known: number | null = null;
  const initPid = async (): Promise<number | null> => {
    known ??= isRunning() ? await findInit(pid) : null;
    return isRunning() ? known : null;
  };
  return {
    pid,
    ended,
    untilInit: async () => {
      while (isRunning()) {
        const init = await initPid();
        if (init !== null && (await readFile(`/proc/${init}/comm`, 'latin1').catch(() => '')).trim() === 'systemd')
          return true;
        await sleep(POLL_MS);
      }
      return false;
    },
    untilListening: async (port, limitMs) => {
      const limit = Date.now() + limitMs;
      while (isRunning() && Date.now() < limit) {
        const init = await initPid();
        if (init !== null && (await listens(init, port))) return;
        await sleep(LISTEN_POLL_MS);
      }
    },
    // Process 1 is asked every second.
    ask: async (what, limitMs) => {
      const limit = Date.now() + limitMs;
      while (isRunning() && Date.now() < limit) {
        const init = await initPid();
        if (init !== null) kill(init, ASK[what]);
        await within(ended, Math.min(ASK_AGAIN_MS, limit - Date.now()));
      }
      return !isRunning();
    },
    // Process 1 first, so that nspawn can put its own things away; nspawn itself when it does not follow.
    cut: async () => {
      const init = await initPid();
      if (init !== null) {
        kill(init, 'SIGKILL');
        await within(ended, FOLLOW_MS);
      }
      if (isRunning()) child.kill('SIGKILL');
      await ended;
    },
  };
}
