import { rename, rm } from 'node:fs/promises';
import { exists, putFile } from './files.ts';

const POLICY = '/usr/sbin/policy-rc.d';
const ASIDE = `${POLICY}.ecs-host-aside`;

/**
 * Runs work in which no package may start a service (maintainer scripts ask policy-rc.d; 101 is "forbidden"). Docker
 * and the agent must not run in a bake, not even for the second between their installation and a `systemctl stop`.
 */
export async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  if ((await exists(POLICY)) && !(await exists(ASIDE))) await rename(POLICY, ASIDE);
  await putFile(POLICY, '#!/bin/sh\nexit 101\n', 0o755);
  try {
    return await work();
  } finally {
    await rm(POLICY, { force: true });
    if (await exists(ASIDE)) await rename(ASIDE, POLICY);
  }
}
