import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SCRIPT = join(import.meta.dirname, 'boot-machine.sh');
const POLL_MS = 20;
const FOLLOW_MS = 2000;
const ASK_AGAIN_MS = 1000;

/** systemd's SIGRTMIN+4 and +5: power off, reboot. glibc's SIGRTMIN is 34. */
const ASK = { 'power-off': 38, reboot: 39 } as const;

export type Ended = { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null };

/** One run of one machine, from power-on to power-off. */
export type Supervisor = {
  readonly pid: number;
  /** Settles once, when nspawn has ended. */
  readonly ended: Promise<Ended>;
  /** Process 1 of the machine as this side sees it; null before it is there. */
  initPid(): Promise<number | null>;
  /** Resolves when init runs. @returns false when the machine ended before. */
  untilInit(): Promise<boolean>;
  /** Resolves when something in the machine listens on a TCP port, when the limit is over, or when the machine ends. */
  untilListening(port: number, limitMs: number): Promise<void>;
  /**
   * Asks process 1 for a clean end, and again every second: before it is ready to hear, the kernel drops what it is
   * told. @returns whether it ended.
   */
  ask(what: keyof typeof ASK, limitMs: number): Promise<boolean>;
  /**
   * Cuts the power: ends process 1, so that nspawn can put its own things away, and nspawn itself when it does not
   * follow.
   */
  cut(): Promise<void>;
};

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

/** Whether the promise settled in time. */
async function within(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const stopwatch = new AbortController();
  const done = await Promise.race([
    promise.then(() => true),
    sleep(limitMs, false, { signal: stopwatch.signal }).catch(() => false),
  ]);
  stopwatch.abort();
  return done;
}

export type SupervisorSpec = {
  readonly namespace: string;
  readonly disk: string;
  readonly root: string;
  readonly groupFiles: readonly string[];
  readonly command: readonly string[];
  readonly consoleFile: string;
};

export async function startSupervisor(spec: SupervisorSpec): Promise<Supervisor> {
  const output = await open(spec.consoleFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(
      SCRIPT,
      ['outer', `/run/netns/${spec.namespace}`, spec.disk, spec.root, spec.groupFiles.join(':'), ...spec.command],
      // Its own process group: a Ctrl-C at the daemon's terminal is for the daemon.
      { stdio: ['ignore', output.fd, output.fd], detached: true },
    );
  } finally {
    await output.close();
  }
  let running = true;
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', () => resolve({ exitCode: null, signal: null }));
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  }).finally(() => {
    running = false;
  });
  const pid = child.pid ?? 0;
  let known: number | null = null;
  const initPid = async (): Promise<number | null> => {
    known ??= running ? await findInit(pid) : null;
    return running ? known : null;
  };
  return {
    pid,
    ended,
    initPid,
    untilInit: async () => {
      while (running) {
        const init = await initPid();
        if (init !== null && (await readFile(`/proc/${init}/comm`, 'latin1').catch(() => '')).trim() === 'systemd')
          return true;
        await sleep(POLL_MS);
      }
      return false;
    },
    untilListening: async (port, limitMs) => {
      const limit = Date.now() + limitMs;
      while (running && Date.now() < limit) {
        const init = await initPid();
        if (init !== null && (await listens(init, port))) return;
        await sleep(POLL_MS);
      }
    },
    ask: async (what, limitMs) => {
      const limit = Date.now() + limitMs;
      while (running && Date.now() < limit) {
        const init = await initPid();
        if (init !== null) kill(init, ASK[what]);
        await within(ended, Math.min(ASK_AGAIN_MS, limit - Date.now()));
      }
      return !running;
    },
    cut: async () => {
      const init = await initPid();
      if (init !== null) {
        kill(init, 'SIGKILL');
        await within(ended, FOLLOW_MS);
      }
      if (running) child.kill('SIGKILL');
      await ended;
    },
  };
}
