import { hostOptions } from '../host-access/ssh-options.ts';
import type { DevHost } from './dev-host.ts';
import { knownHostsFile, targetOf } from './reach.ts';

/** `ssh ecs-host-dev`. */
export function aliasOf({ name }: Pick<DevHost, 'name'>): string {
  return `ecs-host-${name}`;
}

/** Which API a host is of: the lab may say that it is a region of AWS. */
export type Place = string;

/** Pure: what ssh, and editors that use it, need to reach a host. */
export function hostBlock(host: DevHost, place: Place): string {
  const { transport, instanceId, sshUser } = host;
  const target = targetOf(host);
  const options = [
    ['HostName', transport === 'ssh' ? target.address : instanceId],
    ['User', sshUser],
    ...hostOptions(target, { file: knownHostsFile(), alias: instanceId }),
    ['ServerAliveInterval', '15'],
  ];
  return [
    `# ecs-host ${place} ${instanceId}`,
    `Host ${aliasOf(host)}`,
    ...options.map(([name, value]) => `  ${name} ${value}`),
    '',
  ].join('\n');
}

type Block = { readonly place: Place; readonly alias: string; readonly text: string };

const HEAD = '# Written by `ecs-host dev-host ssh-config --install`; changes are lost.\n';

function blocksOf(text: string): Block[] {
  return text
    .split(/^(?=# ecs-host )/m)
    .filter((block) => block.startsWith('# ecs-host '))
    .map((block) => {
      const [, place = '', alias = ''] = /^# ecs-host (.*) i-\S+\nHost (\S+)\n/.exec(block) ?? [];
      return { place, alias, text: `${block.trimEnd()}\n` };
    });
}

/**
 * Pure: our file with the blocks of these hosts. Those of the same place that are not in `living` are gone; of two
 * hosts of one name in different places the one that was installed last has it.
 */
export function withBlocks(
  text: string,
  hosts: readonly DevHost[],
  { living, place }: { readonly living: readonly DevHost[]; readonly place: Place },
): string {
  const added = hosts.map((host) => ({ place, alias: aliasOf(host), text: hostBlock(host, place) }));
  const isReplaced = ({ alias }: Block): boolean => added.some((each) => each.alias === alias);
  const isGone = (block: Block): boolean =>
    block.place === place && !living.some((host) => block.alias === aliasOf(host));
  const kept = blocksOf(text).filter((block) => !isReplaced(block) && !isGone(block));
  const all = [...kept, ...added].toSorted((a, b) => a.alias.localeCompare(b.alias));
  return [HEAD, ...all.map((block) => block.text)].join('\n');
}

/** Pure: the user's own file with one line at its top: below a `Host` it would count for that host only. */
export function withInclude(text: string, line: string): string {
  return text.split('\n').some((each) => each.trim() === line) ? text : `${line}\n\n${text}`;
}
