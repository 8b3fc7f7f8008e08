import type { Check } from '#contracts/check.ts';
import type { Context } from '../step.ts';
import { ask, textOf, tool } from './tool.ts';

/** `enabled`, `disabled`, `static`, `masked`, ... or `not-found`. */
export const unitFileState = async (unit: string): Promise<string> =>
  (await ask`systemctl is-enabled ${unit}`).stdout.trim() || 'not-found';

export const activeState = async (unit: string): Promise<string> =>
  (await ask`systemctl show --property=ActiveState --value ${unit}`).stdout.trim() || 'unknown';

/** Properties of one unit, from systemd's own view of it with all drop-ins. */
export const showUnit = async (unit: string, properties: readonly string[]): Promise<Record<string, string>> => {
  const text = await textOf`systemctl show --property=${properties.join(',')} ${unit}`;
  return Object.fromEntries(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
};

export const reloadUnits = async (): Promise<void> => {
  await tool`systemctl daemon-reload`;
};

/** Enables a unit for the next boots; starts nothing. Returns whether it was not enabled before. */
export const enableUnit = async (unit: string): Promise<boolean> => {
  if ((await unitFileState(unit)) === 'enabled') return false;
  await tool`systemctl enable ${unit}`;
  return true;
};

/** Stops units and keeps boots from starting them. Never masks: a masked unit could not be started by the one who may. */
export const disableUnits = async (units: readonly string[]): Promise<boolean> => {
  let isChanged = false;
  for (const unit of units) {
    const state = await unitFileState(unit);
    if (state === 'not-found') continue;
    if (state === 'enabled' || state === 'enabled-runtime') {
      await tool`systemctl disable ${unit}`;
      isChanged = true;
    }
    const active = await activeState(unit);
    if (active !== 'inactive') {
      await tool`systemctl stop ${unit}`;
      // What failed because it was not allowed to start is not "failed" on the image.
      await ask`systemctl reset-failed ${unit}`;
      isChanged = true;
    }
  }
  return isChanged;
};

/** The unit is there, and no boot starts it. */
export const checkDisabled = (context: Context, unit: string, id: string): Promise<void> =>
  context.look({ id, title: `${unit} is not started by a boot`, expected: 'disabled' }, async () => {
    const actual = await unitFileState(unit);
    return {
      actual,
      isCorrect: actual === 'disabled',
      ...(actual === 'masked' ? { reason: 'masked: the host service could not start it either' } : {}),
    };
  });

export const checkEnabled = (context: Context, unit: string, id: string): Promise<void> =>
  context.look({ id, title: `${unit} is started by a boot`, expected: 'enabled' }, async () => {
    const actual = await unitFileState(unit);
    return { actual, isCorrect: actual === 'enabled' };
  });

/** On the build instance the unit has never been started, not even for a moment. */
export const checkNeverStarted = async (context: Context, unit: string, id: string): Promise<void> => {
  const about: Pick<Check, 'id' | 'title' | 'expected'> = {
    id,
    title: `${unit} was never started in the bake`,
    expected: 'never',
  };
  if (context.stage === 'booted') {
    context.skip(about, 'the bake looked; on a booted machine the gate decides');
    return;
  }
  await context.look(about, async () => {
    const { ActiveState = '', ActiveEnterTimestampMonotonic: at = '' } = await showUnit(unit, [
      'ActiveState',
      'ActiveEnterTimestampMonotonic',
    ]);
    const isNever = at === '0' && ActiveState !== 'active' && ActiveState !== 'activating';
    return { actual: isNever ? 'never' : `${ActiveState}, up at ${Number(at) / 1e6} s`, isCorrect: isNever };
  });
};
