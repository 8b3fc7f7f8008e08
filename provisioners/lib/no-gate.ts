import { rm } from 'node:fs/promises';
import type { Context } from './context.ts';
import { GATE_FILES } from './docker-gate.ts';
import { DOCKER_UNITS } from './docker-units.ts';
import { exists } from './files.ts';
import { activeState, disableUnits, reloadUnits, unitFileState } from './systemd.ts';
import { ask } from './tool.ts';
import { divertedRuntimes, removeWitness, WITNESS } from './witness.ts';

/** The keepers first: the host service takes Docker down as it ends. */
const KEEPERS = ['ecs-host.service', 'ecs-host-guard.service', 'ecs.service'];

/** What holds Docker back, and the preset that tells whoever asks to keep it from the boot. */
const FILES = [
  ...GATE_FILES.filter((path) => path !== WITNESS),
  '/etc/systemd/system/ecs.service.d/10-ecs-host-gate.conf',
  // Whatever still counts starts nothing then.
  '/etc/systemd/system/ecs-host-poweroff.service',
  '/etc/systemd/system-preset/10-ecs-host.preset',
];

/** Makes a development host out of a machine that may have been a real one (docs/decisions/0140). */
export function takeGateAway(context: Context): Promise<void> {
  return context.step('no gate', {}, async () => {
    let isChanged = await disableUnits(KEEPERS);
    let isRemoved = false;
    for (const path of FILES) {
      if (!(await exists(path))) continue;
      await rm(path);
      isRemoved = true;
    }
    if (isRemoved) await reloadUnits();
    isChanged = (await removeWitness()) || isChanged || isRemoved;
    return isChanged;
  });
}

async function remains(): Promise<readonly string[]> {
  const there = await Promise.all(FILES.map(exists));
  const found = [...FILES.filter((_, at) => there[at]), ...(await divertedRuntimes())];
  for (const unit of KEEPERS) {
    if (/^enabled/.test(await unitFileState(unit))) found.push(`${unit} enabled`);
    if ((await activeState(unit)) === 'active') found.push(`${unit} active`);
  }
  for (const unit of DOCKER_UNITS) {
    // Wherever a gate was put, also for this boot alone (below /run).
    if (/^AssertPathExists=\/run\/ecs-host\//m.test((await ask`systemctl cat ${unit}`).stdout))
      found.push(`${unit} asserts a gate`);
  }
  return found;
}

export function checkNoGate(context: Context, id: string): Promise<void> {
  return context.look({ id, title: 'Nothing of the gate is left', expected: 'nothing' }, async () => {
    const found = await remains();
    return { actual: found.join(', ') || 'nothing', isCorrect: found.length === 0 };
  });
}
