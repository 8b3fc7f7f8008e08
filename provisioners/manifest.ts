import { HOST_FOLDER, HOST_NODE, onHost } from '#contracts/host-paths.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { ProvisionerName } from '#contracts/provisioners.ts';
import { type TargetConfig, targetText } from '#contracts/target-config.ts';
import { isTaken } from './concerns/clean.ts';
import { putsRepository } from './concerns/packages.ts';
import { CONCERNS } from './concerns/verify.ts';
import type { Carried, Put, Puts } from './lib/context.ts';
import { modeOf } from './lib/files.ts';
import { putsFile } from './lib/puts.ts';

/** What is carried and unpacked below /opt/ecs-host, before any provisioner runs (src/plan/provisioning.ts). */
const carry: Puts = (target, { files, node }) => [
  ...[HOST_FOLDER, onHost('bin'), onHost('provisioners')].map(
    (path) => ({ path, kind: 'folder', mode: modeOf(true) }) as const,
  ),
  ...files.map(
    ({ path, sha256, isProgram }): Put => ({ path: onHost(path), kind: 'file', mode: modeOf(isProgram), sha256 }),
  ),
  { path: HOST_NODE, kind: 'file', mode: modeOf(true), sha256: node.sha256 },
  putsFile(onHost('target.json'), targetText(target)),
  { path: onHost('plan-summary.json'), kind: 'file', mode: modeOf(false), rule: 'plan-summary' },
];

/**
 * Pure: everything that the provisioners of a host leave on its image, whoever makes it for them, in the order of the
 * paths. It is bundled for whoever plans, and carried to no machine (src/bundle/provisioned.ts).
 */
export function manifest(target: TargetConfig, carried: Carried): readonly ProvisionedEntry[] {
  const names = target.provisioners as readonly ProvisionerName[];
  const all = names.flatMap((name) => {
    const { puts, repository } = name === 'verify' ? {} : CONCERNS[name];
    const source = repository?.({ target }) ?? null;
    const put = [...(puts?.(target, carried) ?? []), ...(source === null ? [] : putsRepository(source))];
    return put.map((each) => ({ provisioner: name as string, ...each }));
  });
  return [...carry(target, carried).map((each) => ({ provisioner: 'carry', ...each })), ...all]
    .filter(({ path }) => !isTaken(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
