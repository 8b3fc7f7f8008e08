import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { onHost } from '#contracts/host-paths.ts';
import { aptUpgrade, installedVersions } from './apt.ts';
import type { Put } from './context.ts';
import { modeOf, putFile, readText } from './files.ts';

/** A package that a security update has changed. */
export type Updated = { readonly name: string; readonly from: string; readonly to: string };

const RECORD = onHost('security-updates.json');
const PREFERENCES = '/run/ecs-host-provision/security.pref';

/**
 * For apt: only what a security suite has is a candidate. Not a kernel, because the machine that it runs on is not
 * started anew and the driver is built for the one that runs; and neither snapd nor AWS's agent, which carry the
 * connection that this runs over. `o=?*` is every archive, but not what is installed.
 */
export const SECURITY_ONLY = `Package: linux-* snapd amazon-ssm-agent
Pin: release o=?*
Pin-Priority: 50

Package: *
Pin: release a=*-security
Pin-Priority: 500

Package: *
Pin: release o=?*
Pin-Priority: 50
`;

/** Pure: what is there in another version, or new. */
export function updatedPackages(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Updated[] {
  return [...after]
    .filter(([name, to]) => before.get(name) !== to)
    .map(([name, to]) => ({ name, from: before.get(name) ?? 'none', to }));
}

export function putsUpdates(): Put {
  return { path: RECORD, kind: 'file', mode: modeOf(false), rule: 'security-updates', by: 'apt-get upgrade' };
}

/** What was updated on this image, or null when nothing was ever asked for. */
export async function readUpdates(): Promise<readonly Updated[] | null> {
  const text = await readText(RECORD);
  return text === null ? null : (JSON.parse(text) as Updated[]);
}

/** Installs the security updates of the distribution and writes down what they changed. */
export async function installSecurityUpdates(): Promise<void> {
  await mkdir(dirname(PREFERENCES), { recursive: true });
  await writeFile(PREFERENCES, SECURITY_ONLY);
  const before = await installedVersions(['*']);
  await aptUpgrade(PREFERENCES);
  const updated = updatedPackages(before, await installedVersions(['*']));
  await putFile(RECORD, `${JSON.stringify(updated, null, 2)}\n`);
}
