import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { type BootedHost, bakeImage, bootHost } from '../booted-host.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from '../lab-handle.ts';

/** The one machine of these tests, in the order of a host's life: each begins where the one before it ended. */
export let lab: LabHandle;
export let host: BootedHost;
export let image: Awaited<ReturnType<typeof bakeImage>>;

const DOWN = 'inactive inactive inactive inactive';
export const AGENT_DOWN = 'active active active inactive';
export const UP = 'active active active active';
/** Values that would do something if anything on the way did not quote. */
export const HOSTILE = `{"team":"a b","cost":"$(touch /tmp/pwned)"} \`touch /tmp/pwned\` "quoted" 'single' #no comment`;

/** As the agent has to get it, with what systemd and a shell would make something of. */
const ATTRIBUTES = '{"stack":"prod", "owner":"team a/b"}';

/**
 * A host service of the user's own: here one that hands over to the project's. `ami.e2e.test.ts` has the other
 * case.
 */
const OWN_PROGRAM = '#!/bin/sh\nexec /opt/ecs-host/bin/node /opt/ecs-host/bin/ecs-hostd.mjs\n';

export async function bootTheHost(): Promise<void> {
  lab = await startLabForTests();
  const config = await lab.configWith((text) =>
    text.replace(/(description: Debian 12 without a GPU.*\n)/, '$1    hostService: { program: ./own-host-service }\n'),
  );
  await writeFile(join(dirname(config), 'own-host-service'), OWN_PROGRAM, { mode: 0o755 });
  image = await bakeImage(lab, ['--config', config]);
  host = await bootHost(lab, image, {
    ecs: { ECS_IMAGE_CLEANUP_NOTE: HOSTILE, ECS_INSTANCE_ATTRIBUTES: ATTRIBUTES },
  });
}

export async function endTheHost(): Promise<void> {
  try {
    await host?.[Symbol.asyncDispose]();
    expect(await awsLeftovers(lab)).toEqual([]);
  } finally {
    await lab?.down();
  }
}

/** As an operator does it who has not run into systemd's limit of three starts a minute. */
export function docker(does: 'restart' | 'stop' | 'start') {
  return host.try(`sudo systemctl reset-failed docker.service docker.socket
    sudo systemctl ${does} ${does === 'restart' ? '' : 'docker.socket'} docker.service`);
}

export async function expectShut(): Promise<void> {
  expect((await host.units()).replaceAll('failed', 'inactive')).toBe(DOWN);
}
