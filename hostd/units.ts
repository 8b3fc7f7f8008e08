import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { firstLine } from '#contracts/reason.ts';

const run = promisify(execFile);
const SYSTEMCTL_TIMEOUT_MS = 120_000;

export const AGENT_UNIT = 'ecs.service';
export const DOCKER_UNIT = 'docker.service';
export const CONTAINERD_UNIT = 'containerd.service';

/** The service manager, as far as this service needs it. */
export type Units = {
  start(units: readonly string[], options?: { readonly noBlock: boolean }): Promise<void>;
  stop(units: readonly string[], options?: { readonly noBlock: boolean }): Promise<void>;
  /**
   * Has systemd start `<name>.service` in so long, by the timer `<name>.timer`, whatever becomes of this service
   * meanwhile. By the monotonic clock.
   */
  startLater(name: string, afterS: number): Promise<void>;
  /** SIGKILL to all of its processes; systemd starts it again as its Restart= says. */
  kill(unit: string): Promise<void>;
  /** `active`, `inactive`, `failed`, `activating` ... */
  state(unit: string): Promise<string>;
  /** Whether one that has failed says that another try cannot help. One that was slow to stop has failed as well. */
  gaveUp(unit: string): Promise<boolean>;
};

async function ask(program: 'systemctl' | 'systemd-run', args: readonly string[]): Promise<string> {
  try {
    return (await run(program, [...args], { timeout: SYSTEMCTL_TIMEOUT_MS })).stdout;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    throw new Error(`${program} ${args.join(' ')}: ${firstLine(stderr.trim() || message)}`);
  }
}

function systemctl(args: readonly string[]): Promise<string> {
  return ask('systemctl', args);
}

export const systemdUnits: Units = {
  start: async (units, options) => {
    // A unit that ran into its start limit while the gate was shut must not be kept down by it now.
    await systemctl(['reset-failed', ...units]).catch(() => '');
    await systemctl(['start', ...(options?.noBlock ? ['--no-block'] : []), ...units]);
  },
  stop: async (units, options) => {
    await systemctl(['stop', ...(options?.noBlock ? ['--no-block'] : []), ...units]);
  },
  startLater: async (name, afterS) => {
    const when = [`--on-active=${afterS}s`, '--timer-property=AccuracySec=1s'];
    await ask('systemd-run', ['--quiet', `--unit=${name}.service`, ...when]);
  },
  kill: async (unit) => {
    await systemctl(['kill', '--signal=KILL', unit]);
  },
  state: async (unit) => (await systemctl(['show', '--property=ActiveState', '--value', unit])).trim(),
  gaveUp: async (unit) => {
    const shown = await systemctl(['show', '--property=Result', '--property=ExecMainStatus', unit]);
    return /^Result=exit-code$/m.test(shown) && /^ExecMainStatus=5$/m.test(shown);
  },
};
