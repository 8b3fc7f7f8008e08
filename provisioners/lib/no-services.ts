import { rename, rm } from 'node:fs/promises';
import { exists, putFile, readText } from './files.ts';

const POLICY = '/usr/sbin/policy-rc.d';
const ASIDE = `${POLICY}.ecs-host-aside`;
const OURS = '#!/bin/sh\n# ecs-host: nothing is started by an installation.\nexit 101\n';

/** Takes ours away and puts back whose place it took. @returns whether it was there */
export async function allowServices(): Promise<boolean> {
  const isOurs = (await readText(POLICY)) === OURS;
  if (isOurs) await rm(POLICY);
  const hasAside = await exists(ASIDE);
  if (hasAside) await rename(ASIDE, POLICY);
  return isOurs || hasAside;
}

/**
 * Runs work in which no package may start a service (maintainer scripts ask policy-rc.d; 101 is "forbidden"). Docker
 * and the agent must not run in a bake, not even for the second between their installation and a `systemctl stop`.
 */
export async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  // Of a run that was killed; it must not be taken for somebody else's.
  await allowServices();
  if (await exists(POLICY)) await rename(POLICY, ASIDE);
  await putFile(POLICY, OURS, 0o755);
  try {
    return await work();
  } finally {
    await allowServices();
  }
}
