import type { Context } from './context.ts';
import { DOCKER_CONFIG } from './docker-config.ts';
import { DOCKER_UNITS } from './docker-units.ts';
import { activeState, checkEnabled, enableUnit, runsWith } from './systemd.ts';
import { ask, tool } from './tool.ts';

/**
 * Docker of a development host: it runs from the boot on. Of the concerns only those of the development variant may
 * import this; a test holds that.
 */
const DOCKER = 'docker.service';

/** It runs, and has read its configuration as it is: the GPU's runtime comes after Docker's first start. */
function isRunningAsConfigured(): Promise<boolean> {
  return runsWith(DOCKER, [DOCKER_CONFIG]);
}

export async function runFromBoot(context: Context): Promise<void> {
  await context.step('at boot', {}, async () => {
    let isChanged = false;
    for (const unit of DOCKER_UNITS) if (await enableUnit(unit)) isChanged = true;
    return isChanged;
  });
  await context.step('running', { doneWhen: isRunningAsConfigured }, async () => {
    // A unit that ran into its start limit (behind a gate, say) must not be kept down by it.
    await ask`systemctl reset-failed ${DOCKER_UNITS}`;
    // The socket is not started beside a service that runs without it.
    if ((await activeState('docker.socket')) !== 'active') await ask`systemctl stop ${DOCKER}`;
    await tool`systemctl start containerd.service docker.socket`;
    await tool`systemctl restart ${DOCKER}`;
  });
}

export async function verifyFromBoot(context: Context): Promise<void> {
  await checkEnabled(context, DOCKER, 'docker.service-enabled');
  await checkEnabled(context, 'docker.socket', 'docker.socket-enabled');
  await context.look(
    { id: 'docker.configured', title: 'Docker runs, and has read its configuration', expected: 'running' },
    async () => {
      const isCorrect = await isRunningAsConfigured();
      return { actual: isCorrect ? 'running' : 'not running, or since before the file was changed', isCorrect };
    },
  );
}

/** Asks Docker, as a client does. */
export function checkAnswers(context: Context, id: string): Promise<void> {
  return context.look({ id, title: 'Docker answers', expected: 'answers' }, async () => {
    const { exitCode, stderr } = await ask`docker info --format ${'{{.ServerVersion}}'}`;
    const actual = exitCode === 0 ? 'answers' : (stderr.trim().split('\n')[0] ?? 'silence');
    return { actual, isCorrect: exitCode === 0 };
  });
}
