import { stat } from 'node:fs/promises';
import type { Check } from '#contracts/check.ts';
import type { Context } from './context.ts';
import { ask, textOf, tool } from './tool.ts';

/** `enabled`, `disabled`, `static`, `masked`, ... or `not-found`. */
export async function unitFileState(unit: string): Promise<string> {
  return (await ask`systemctl is-enabled ${unit}`).stdout.trim() || 'not-found';
}

export async function activeState(unit: string): Promise<string> {
  return (await ask`systemctl show --property=ActiveState --value ${unit}`).stdout.trim() || 'unknown';
}

/** Properties of one unit, from systemd's own view of it with all drop-ins. */
export async function showUnit(unit: string, properties: readonly string[]): Promise<Record<string, string>> {
  const text = await textOf`systemctl show --property=${properties.join(',')} ${unit}`;
  return Object.fromEntries(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** When a unit's process began, by the clock of files; null when the unit is not active. */
async function activeSinceMs(unit: string): Promise<number | null> {
  const { ActiveState, ExecMainStartTimestampMonotonic: at = '0' } = await showUnit(unit, [
    'ActiveState',
    'ExecMainStartTimestampMonotonic',
  ]);
  if (ActiveState !== 'active') return null;
  return Date.now() - (Number(process.hrtime.bigint() / 1000n) - Number(at)) / 1000;
}

/** The unit is active, and began after the last change of the files: it has read them, whoever changed them when. */
export async function runsWith(unit: string, files: readonly string[]): Promise<boolean> {
  const since = await activeSinceMs(unit);
  if (since === null) return false;
  const infos = await Promise.all(files.map((file) => stat(file).catch(() => null)));
  // Not the time of change that a file may have brought with it, but that of its being put there.
  return infos.every((info) => info === null || info.ctimeMs < since);
}

/** systemd has read its units before they were changed. */
export async function needsReload(): Promise<boolean> {
  return (await textOf`systemctl show --property=NeedDaemonReload ${'*'}`).includes('NeedDaemonReload=yes');
}

export async function reloadUnits(): Promise<void> {
  await tool`systemctl daemon-reload`;
}

/** Enables a unit for the next boots; starts nothing. Returns whether it was not enabled before. */
export async function enableUnit(unit: string): Promise<boolean> {
  if ((await unitFileState(unit)) === 'enabled') return false;
  await tool`systemctl enable ${unit}`;
  return true;
}

/** Those of the units for which it holds; all are asked about at once. */
async function unitsWhere(units: readonly string[], holds: (unit: string) => Promise<boolean>): Promise<string[]> {
  const answers = await Promise.all(units.map(holds));
  return units.filter((_, index) => answers[index]);
}

/**
 * Stops units and keeps boots from starting them. Never masks: a masked unit could not be started by the one who may.
 * One call for all of them, because each call makes systemd read all units again.
 */
export async function disableUnits(units: readonly string[]): Promise<boolean> {
  const enabled = await unitsWhere(units, async (unit) => /^enabled(-runtime)?$/.test(await unitFileState(unit)));
  if (enabled.length > 0) await tool`systemctl disable ${enabled}`;
  const active = await unitsWhere(units, async (unit) => !/^(inactive|unknown)$/.test(await activeState(unit)));
  if (active.length > 0) {
    await tool`systemctl stop ${active}`;
    // What failed because it was not allowed to start is not "failed" on the image.
    await ask`systemctl reset-failed ${active}`;
  }
  return enabled.length + active.length > 0;
}

/**
 * A masked unit cannot be started by whoever it is. Returns whether any of those that are there was not masked
 * before.
 */
export async function maskUnits(units: readonly string[]): Promise<boolean> {
  const open = await unitsWhere(units, async (unit) => !/^(masked|not-found)$/.test(await unitFileState(unit)));
  if (open.length > 0) await tool`systemctl mask ${open}`;
  return open.length > 0;
}

/** The unit is there, and no boot starts it. */
export function checkDisabled(context: Context, unit: string, id: string): Promise<void> {
  return context.look({ id, title: `${unit} is not started by a boot`, expected: 'disabled' }, async () => {
    const actual = await unitFileState(unit);
    return {
      actual,
      isCorrect: actual === 'disabled',
      ...(actual === 'masked' ? { reason: 'masked: the host service could not start it either' } : {}),
    };
  });
}

export function checkEnabled(context: Context, unit: string, id: string): Promise<void> {
  return context.look({ id, title: `${unit} is started by a boot`, expected: 'enabled' }, async () => {
    const actual = await unitFileState(unit);
    return { actual, isCorrect: actual === 'enabled' };
  });
}

/** On the build instance the unit has never been started, not even for a moment. */
export async function checkNeverStarted(context: Context, unit: string, id: string): Promise<void> {
  const about: Pick<Check, 'id' | 'title' | 'expected'> = {
    id,
    title: `${unit} was never started in the bake`,
    expected: 'never',
  };
  if (context.stage === 'booted') return context.skip(about, 'the bake looked; on a booted machine the gate decides');
  if (context.stage === 'set-up') return context.skip(about, 'this machine may have had one that ran');
  await context.look(about, async () => {
    const { ActiveState = '', ActiveEnterTimestampMonotonic: at = '' } = await showUnit(unit, [
      'ActiveState',
      'ActiveEnterTimestampMonotonic',
    ]);
    const isNever = at === '0' && ActiveState !== 'active' && ActiveState !== 'activating';
    return { actual: isNever ? 'never' : `${ActiveState}, up at ${Number(at) / 1e6} s`, isCorrect: isNever };
  });
}
