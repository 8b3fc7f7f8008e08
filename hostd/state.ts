import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostPhase, HostState } from '#contracts/host-service.ts';
import { printable } from '#contracts/printable.ts';

const LONGEST_STATUS = 300;

/** CLOCK_MONOTONIC in microseconds: the clock of systemd's *TimestampMonotonic, which process.hrtime reads too. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export type StateKeeper = {
  readonly now: () => HostState;
  /** Enters a phase; the time of the first entry is kept. */
  enter(phase: HostPhase, status: string): Promise<void>;
  /** Never rejects: `trouble` is told. So nobody has to wait for it. */
  update(change: Partial<Omit<HostState, 'version' | 'reachedAtUs'>>): Promise<void>;
};

/**
 * Keeps the state file equal to what the service knows; readers never see half of it. A file that cannot be written (a
 * full disk) is said and keeps nothing else from going on: the file tells of the service, it does not lead it.
 */
export function createStateKeeper(
  path: string,
  on: { readonly status?: (status: string) => void; readonly trouble?: (error: unknown) => void } = {},
): StateKeeper {
  let state: HostState = {
    version: 1,
    phase: 'boot',
    status: 'starting',
    gate: 'shut',
    instanceId: null,
    reachedAtUs: { boot: monotonicUs() },
    eventsSubscribedAtUs: null,
    handshakeAttempts: 0,
    containersSeen: 0,
    isRebalanceRecommended: false,
  };
  let writing = Promise.resolve();
  let told = '';
  const write = (): Promise<void> => {
    const text = `${JSON.stringify(state, null, 2)}\n`;
    const status = `${state.phase}: ${state.status}`;
    if (status !== told) on.status?.(status);
    told = status;
    writing = writing
      .then(async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(`${path}.partial`, text, { mode: 0o644 });
        await rename(`${path}.partial`, path);
      })
      .catch((error: unknown) => on.trouble?.(error));
    return writing;
  };
  return {
    now: () => state,
    enter: (phase, status) => {
      const reachedAtUs =
        state.reachedAtUs[phase] === undefined ? { ...state.reachedAtUs, [phase]: monotonicUs() } : state.reachedAtUs;
      state = { ...state, phase, status: printable(status, LONGEST_STATUS), reachedAtUs };
      return write();
    },
    update: (change) => {
      state = { ...state, ...change, status: printable(change.status ?? state.status, LONGEST_STATUS) };
      return write();
    },
  };
}
