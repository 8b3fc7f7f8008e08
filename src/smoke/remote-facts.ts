import { HOST_STATE_PATH, type HostState, STARTS_FOLDER } from '#contracts/host-service.ts';
import type { Ssh } from '../host-access/ssh.ts';
import { outsideError } from '../io/errors.ts';

export const GATED_UNITS = ['docker.service', 'docker.socket', 'containerd.service', 'ecs.service'] as const;
export type GatedUnit = (typeof GATED_UNITS)[number];

export type UnitFacts = {
  readonly activeState: string;
  readonly unitFileState: string;
  /** CLOCK_MONOTONIC in microseconds, 0 when it never happened in this boot. */
  readonly inactiveExitAtUs: number;
  readonly activeEnterAtUs: number;
};

/** Pure: the answer of `systemctl show` for several units, blocks separated by an empty line. */
export function parseUnits(text: string): ReadonlyMap<string, UnitFacts> {
  return new Map(
    text
      .trim()
      .split(/\n\s*\n/)
      .map((block) => {
        const values = Object.fromEntries(
          block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        );
        const facts: UnitFacts = {
          activeState: values['ActiveState'] ?? 'unknown',
          unitFileState: values['UnitFileState'] ?? 'unknown',
          inactiveExitAtUs: Number(values['InactiveExitTimestampMonotonic'] ?? 0),
          activeEnterAtUs: Number(values['ActiveEnterTimestampMonotonic'] ?? 0),
        };
        return [values['Id'] ?? '', facts] as const;
      }),
  );
}

const SHOW = `systemctl show --no-pager -p Id,ActiveState,UnitFileState,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic ${GATED_UNITS.join(' ')}`;

/** What systemd says about the units behind the gate. */
export async function readUnits(ssh: Ssh): Promise<Readonly<Record<GatedUnit, UnitFacts>>> {
  const { stdout, stderr } = await ssh.run(SHOW);
  const units = parseUnits(stdout);
  const take = (unit: GatedUnit): UnitFacts => {
    const facts = units.get(unit);
    if (!facts) throw outsideError('SMOKE_SYSTEMCTL', `systemctl said nothing about ${unit}.`, undefined, stderr);
    return facts;
  };
  return {
    'docker.service': take('docker.service'),
    'docker.socket': take('docker.socket'),
    'containerd.service': take('containerd.service'),
    'ecs.service': take('ecs.service'),
  };
}

/** Pure: `all of them inactive`, or which are not. */
export function describeUnits(units: Readonly<Record<GatedUnit, UnitFacts>>): string {
  const up = GATED_UNITS.filter((unit) => !isDown(units[unit]));
  return up.length === 0
    ? 'all four units inactive'
    : up.map((unit) => `${unit} ${units[unit].activeState}`).join(', ');
}

/** A unit that failed is down as well; one that is on its way up is not. */
export function isDown(unit: UnitFacts): boolean {
  return unit.activeState === 'inactive' || unit.activeState === 'failed';
}

/** The host service's own account, or null while there is none. */
export async function readHostState(ssh: Ssh): Promise<HostState | null> {
  const { exitCode, stdout } = await ssh.run(`cat ${HOST_STATE_PATH} 2>/dev/null`);
  if (exitCode !== 0) return null;
  try {
    return JSON.parse(stdout) as HostState;
  } catch {
    return null;
  }
}

/** Which of these containers (64 hexadecimal digits) are not on the host's record of starts. */
export async function notOnRecord(ssh: Ssh, ids: readonly string[]): Promise<readonly string[]> {
  const record = (await ssh.run(`sudo sh -c 'cat ${STARTS_FOLDER}/record*.ndjson'`)).stdout;
  return ids.filter((id) => !record.includes(`"id":"${id}"`));
}
