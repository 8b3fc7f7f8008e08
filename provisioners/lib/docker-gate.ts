import { readdir } from 'node:fs/promises';
import type { Context } from './context.ts';
import { DOCKER_UNITS } from './docker-units.ts';
import { installFiles } from './files.ts';
import { checkDisabled, checkNeverStarted, disableUnits, reloadUnits } from './systemd.ts';
import { textOf } from './tool.ts';
import { readUnits } from './unit-graph.ts';
import { checkWitness, installWitness, WITNESS } from './witness.ts';

/** Docker of a real host: installed behind its gate, and started by nobody but the host service. */
export const GATE_FILES = [
  '/etc/systemd/system/containerd.service.d/10-ecs-host-gate.conf',
  '/etc/systemd/system/docker.service.d/10-ecs-host-gate.conf',
  '/etc/systemd/system/docker.socket.d/10-ecs-host-gate.conf',
  WITNESS,
];

const UNIT_IDS = {
  'docker.service': 'service',
  'docker.socket': 'socket',
  'containerd.service': 'containerd',
} as const;

/** Before the package comes: what the gate holds back must never find it missing. */
export async function setUpGate(context: Context): Promise<void> {
  await context.step('gate', {}, async () => {
    const isChanged = await installFiles(context, GATE_FILES);
    if (isChanged) await reloadUnits();
    return isChanged;
  });
  await context.step('witness', {}, () => installWitness(context.target.docker.source));
}

export function keepFromBoot(context: Context): Promise<void> {
  return context.step('not at boot', {}, async () => {
    const isChanged = await disableUnits(DOCKER_UNITS);
    if (isChanged) await reloadUnits();
    return isChanged;
  });
}

async function checkPulledInBy(context: Context): Promise<void> {
  await context.look(
    {
      id: 'docker.pulled-in-by',
      title: 'Nothing but the agent asks for Docker',
      expected: 'docker.service, docker.socket, ecs.service at most',
    },
    async () => {
      const units = await readUnits([...DOCKER_UNITS, 'ecs.service', 'ecs-host.service']);
      const by = new Set(
        DOCKER_UNITS.flatMap((unit) =>
          ['RequiredBy', 'WantedBy', 'TriggeredBy'].flatMap((how) => units.get(unit)?.[how] ?? []),
        ),
      );
      const others = [...by].filter((unit) => !['docker.service', 'docker.socket', 'ecs.service'].includes(unit));
      return { actual: [...by].sort().join(', ') || 'nothing', isCorrect: others.length === 0 };
    },
  );
}

async function checkNoState(context: Context): Promise<void> {
  const noState = { id: 'docker.no-state', title: 'No images and containers of the bake', expected: 'empty' };
  if (context.stage === 'booted') return context.skip(noState, 'the bake looked; a booted host has its own');
  if (context.stage === 'set-up') return context.skip(noState, 'whoever set this machine up may have had some before');
  await context.look(noState, async () => {
    const inside = await readdir('/var/lib/docker').catch(() => []);
    return {
      actual: inside.length === 0 ? 'empty' : inside.slice(0, 5).join(', '),
      isCorrect: inside.length === 0,
    };
  });
}

export async function verifyGate(context: Context): Promise<void> {
  for (const unit of DOCKER_UNITS) {
    const id = `docker.${UNIT_IDS[unit]}`;
    await checkDisabled(context, unit, `${id}-disabled`);
    await context.look({ id: `${id}-gated`, title: `${unit} asserts the gate`, expected: 'asserted' }, async () => {
      const text = await textOf`systemctl cat ${unit}`;
      const isCorrect = text.includes('\nAssertPathExists=/run/ecs-host/gate-open');
      return { actual: isCorrect ? 'asserted' : 'not asserted', isCorrect };
    });
    await checkNeverStarted(context, unit, `${id}-never-started`);
  }
  await checkPulledInBy(context);
  await checkWitness(context);
  await checkNoState(context);
}
