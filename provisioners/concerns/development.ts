import { onHost } from '#contracts/host-paths.ts';
import type { Concern, Context } from '../lib/context.ts';
import { checkAnswers, runFromBoot } from '../lib/docker-at-boot.ts';
import { checkDockerGroup, joinDockerGroup } from '../lib/docker-group.ts';
import { exists, installFiles } from '../lib/files.ts';
import { nvidiaDevices } from '../lib/gpus.ts';
import { checkNoGate, takeGateAway } from '../lib/no-gate.ts';
import { checkEnabled, enableUnit, reloadUnits, runsWith, showUnit } from '../lib/systemd.ts';
import { ask, tool } from '../lib/tool.ts';

export const FILES = ['/etc/systemd/system/ecs-host-dev.service'];
/** Of the host service, which a machine that was never a real host does not have. */
const SHARED = [onHost('bin/ecs-host-notify'), onHost('bin/ecs-host-place')];

const UNIT = 'ecs-host-dev.service';
const PROGRAM = onHost('bin/ecs-host-dev.mjs');

/** After `docker`; on a host that was baked it is the only one that is applied. */
async function apply(context: Context): Promise<void> {
  await takeGateAway(context);
  await runFromBoot(context);
  await joinDockerGroup(context);
  await context.step('carried program', { doneWhen: () => exists(PROGRAM) }, () => {
    throw new Error(`${PROGRAM} was not carried to this machine`);
  });
  await context.step('unit', {}, async () => {
    const isChanged = await installFiles(context, [...FILES, ...SHARED]);
    if (isChanged) await reloadUnits();
    return (await enableUnit(UNIT)) || isChanged;
  });
  await context.step(
    'makes containers ready',
    { doneWhen: () => runsWith(UNIT, [...FILES, ...SHARED, PROGRAM]) },
    async () => {
      await tool`systemctl restart ${UNIT}`;
    },
  );
}

async function checkGpu(context: Context): Promise<void> {
  const about = { id: 'development.gpu', title: 'The GPU answers', expected: 'answers' };
  if (context.target.nvidia === null) return context.skip(about, 'not here: the profile has no GPU');
  if ((await nvidiaDevices()).length === 0) return context.skip(about, 'not here: this machine has no NVIDIA GPU');
  await context.look(about, async () => {
    const { exitCode, stdout } = await ask`nvidia-smi -L`;
    const isCorrect = exitCode === 0 && stdout.startsWith('GPU ');
    return { actual: isCorrect ? 'answers' : (stdout.trim().split('\n')[0] ?? 'silence'), isCorrect };
  });
}

async function verify(context: Context): Promise<void> {
  await checkAnswers(context, 'development.docker-answers');
  await checkNoGate(context, 'development.no-gate');
  await checkDockerGroup(context, 'development.group');
  await checkEnabled(context, UNIT, 'development.enabled');
  await context.look(
    { id: 'development.runs', title: 'Containers are made ready', expected: 'follows Docker' },
    async () => {
      const { ActiveState = '', StatusText = '' } = await showUnit(UNIT, ['ActiveState', 'StatusText']);
      const actual = ActiveState === 'active' ? StatusText : ActiveState;
      return { actual, isCorrect: actual === 'follows Docker' };
    },
  );
  await checkGpu(context);
}

export const development: Concern = { name: 'development', apply, verify };
