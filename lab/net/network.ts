import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, succeeds, ToolFailed } from '../exec.ts';
import type { MachineAddress, MachineSpec } from '../machines/types.ts';
import type { LabPaths } from '../paths.ts';
import { UserProblem } from '../problem.ts';
import { writeFileWhole } from '../write-file.ts';
import { endNamespaceProcesses } from './namespace-processes.ts';
import {
  IMDS_ADDRESS,
  LINK_PREFIX,
  linkName,
  macAddressOf,
  namespaceName,
  networkPlan,
  nextAddress,
  outsideLinkName,
  SERVICE_ADDRESS,
  UPLINK,
} from './plan.ts';
import { type FilteredMachine, renderRules } from './rules.ts';

/** What the packet filter has to know of one machine. */
export type MachineFilter = Pick<MachineSpec, 'securityGroups' | 'httpPutResponseHopLimit'>;

/** The lab's namespace and what is in it. Everything here ends when the namespace is deleted. */
export type Network = {
  readonly namespace: string;
  /** Reserves an address for the instance's life; the same one again when it has one. Remembered over restarts. */
  allocate(instanceId: string): Promise<MachineAddress>;
  addressOf(instanceId: string): MachineAddress | null;
  /** Which machine speaks; what createImds's lookup needs. */
  instanceAt(address: string): string | null;
  release(instanceId: string): Promise<void>;
  /** Makes the machine's filter, and room for its link, which nspawn makes under the name of `linkName`. */
  attach(instanceId: string, filter: MachineFilter): Promise<void>;
  /** Waits for the link, puts it up and makes the route. @returns false when the signal ended the wait. */
  connect(instanceId: string, signal: AbortSignal): Promise<boolean>;
  /** Removes link, route and filter. */
  detach(instanceId: string): Promise<void>;
  setIngress(instanceId: string, groups: MachineSpec['securityGroups']): Promise<void>;
  destroy(): Promise<void>;
};

type Addresses = { version: 1; next: number; instances: Record<string, string> };

async function readAddresses(file: string): Promise<Addresses> {
  try {
    const read = JSON.parse(await readFile(file, 'utf8')) as Addresses;
    if (read.version === 1) return read;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { version: 1, next: 0, instances: {} };
}

/** The state folder of the lab that made a link, by the alias that the lab gave it; it lives as long as the link does. */
async function stateOfLink(link: string): Promise<string | null> {
  if (!link.startsWith(LINK_PREFIX)) return null;
  const shown = await run('ip', ['-j', 'link', 'show', 'dev', link], { accept: [0, 1] });
  const [{ ifalias = null } = {}] = JSON.parse(shown || '[]') as { ifalias?: string }[];
  return ifalias;
}

/** Refuses to share a network with another lab, or with a network of the machine that happens to use it. */
async function refuseWhenTaken(network: string): Promise<void> {
  const routes = (await run('ip', ['-o', 'route', 'show', 'root', network])).trim();
  if (routes === '') return;
  const state = await stateOfLink(/ dev (\S+)/.exec(routes)?.[1] ?? '');
  const whose =
    state === null
      ? `in use on this machine (${routes}). Another lab may be up: stop it with \`ecs-host lab down\` and its ECS_HOST_STATE`
      : `the network of another lab: stop it with \`ECS_HOST_STATE='${state}' ecs-host lab down\``;
  throw new UserProblem(`${network} is ${whose}, or give this one another network, as in ECS_HOST_LAB_NETWORK=10.79`);
}

/** Makes the namespace, its one link to outside, its addresses and its packet filter. An older one of the same lab is removed first. */
export async function createNetwork(paths: LabPaths): Promise<Network> {
  const plan = networkPlan(paths.id);
  const { namespace } = plan;
  await destroyNetwork(paths.id);
  await refuseWhenTaken(plan.network);

  const enter = [`--net=/run/netns/${namespace}`];
  const inside = (...batch: readonly string[]): Promise<string> =>
    run('ip', ['-n', namespace, '-batch', '-'], { input: `${batch.join('\n')}\n` });
  const filtered = new Map<string, FilteredMachine>();
  const applyFilter = (): Promise<string> =>
    run('nsenter', [...enter, 'nft', '-f', '-'], { input: renderRules([...filtered.values()]) });

  // Several calls may change the filter at once; the last text to be rendered has to be the last to be loaded.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };

  await run('ip', ['netns', 'add', namespace]);
  try {
    await run('nsenter', [
      ...enter,
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
      'net.ipv4.conf.all.rp_filter=1',
      // Every refusal is told at once; the kernel would otherwise hold back all but one in a second.
      'net.ipv4.icmp_ratelimit=0',
      'net.ipv4.ip_forward=1',
    ]);
    await run('ip', ['link', 'add', plan.outsideLink, 'type', 'veth', 'peer', 'name', UPLINK, 'netns', namespace]);
    // Not worth failing for: it is a hint for the next lab. The kernel takes 255 characters.
    await run('ip', ['link', 'set', 'dev', plan.outsideLink, 'alias', dirname(paths.state)], {
      accept: [0, 1, 2, 255],
    });
    await inside(
      'link set lo up',
      `address add ${SERVICE_ADDRESS}/32 dev lo`,
      `address add ${IMDS_ADDRESS}/32 dev lo`,
      `address add ${plan.insideAddress} peer ${plan.outsideAddress} dev ${UPLINK}`,
      `link set ${UPLINK} up`,
    );
    await applyFilter();
    await run('ip', ['-batch', '-'], {
      input: [
        `address add ${plan.outsideAddress} peer ${plan.insideAddress} dev ${plan.outsideLink}`,
        `link set ${plan.outsideLink} up`,
        `route add ${plan.network} via ${plan.insideAddress} dev ${plan.outsideLink} src ${plan.outsideAddress}`,
        '',
      ].join('\n'),
    });
  } catch (error) {
    await destroyNetwork(paths.id);
    throw error;
  }

  const file = join(paths.machines, 'addresses.json');
  const known = await readAddresses(file);
  const addressOf = (instanceId: string): MachineAddress | null => {
    const address = known.instances[instanceId];
    return address === undefined ? null : { address, macAddress: macAddressOf(address) };
  };
  const save = (): Promise<void> => writeFileWhole(file, `${JSON.stringify(known, null, 2)}\n`);
  const required = (instanceId: string): string => {
    const address = known.instances[instanceId];
    if (address === undefined) throw new Error(`${instanceId} has no address`);
    return address;
  };

  return {
    namespace,
    addressOf,
    instanceAt: (address) => Object.entries(known.instances).find(([, one]) => one === address)?.[0] ?? null,
    allocate: (instanceId) =>
      inTurn(async () => {
        if (known.instances[instanceId] === undefined) {
          const { address, next } = nextAddress(plan.prefix, new Set(Object.values(known.instances)), known.next);
          known.instances[instanceId] = address;
          known.next = next;
          await save();
        }
        const address = required(instanceId);
        return { address, macAddress: macAddressOf(address) };
      }),
    release: (instanceId) =>
      inTurn(async () => {
        if (known.instances[instanceId] === undefined) return;
        delete known.instances[instanceId];
        await save();
      }),
    attach: (instanceId, { securityGroups, httpPutResponseHopLimit }) =>
      inTurn(async () => {
        const address = required(instanceId);
        await removeLink(namespace, linkName(address));
        filtered.set(instanceId, { address, hopLimit: httpPutResponseHopLimit, securityGroups });
        await applyFilter();
      }),
    connect: async (instanceId, signal) => {
      const address = required(instanceId);
      const link = linkName(address);
      while (!(await hasLink(namespace, link))) {
        if (signal.aborted) return false;
        await sleep(LINK_POLL_MS);
      }
      try {
        await inside(`link set ${link} up`, `route replace ${address}/32 dev ${link} src ${SERVICE_ADDRESS}`);
      } catch (error) {
        // The link goes with the machine.
        if (await hasLink(namespace, link)) throw error;
        return false;
      }
      return true;
    },
    detach: (instanceId) =>
      inTurn(async () => {
        const filter = filtered.get(instanceId);
        if (filter === undefined) return;
        filtered.delete(instanceId);
        await removeLink(namespace, linkName(filter.address));
        await applyFilter();
      }),
    setIngress: (instanceId, securityGroups) =>
      inTurn(async () => {
        const filter = filtered.get(instanceId);
        if (filter === undefined) return;
        filtered.set(instanceId, { ...filter, securityGroups });
        await applyFilter();
      }),
    destroy: () => inTurn(async () => void (await destroyNetwork(paths.id))),
  };
}

const LINK_POLL_MS = 20;

function hasLink(namespace: string, link: string): Promise<boolean> {
  return succeeds('ip', ['-n', namespace, 'link', 'show', 'dev', link]);
}

/** A link goes with the machine that held its other end, by itself and a moment later; so it may vanish under our hands. */
async function removeLink(namespace: string, link: string): Promise<void> {
  if (!(await hasLink(namespace, link))) return;
  try {
    await run('ip', ['-n', namespace, 'link', 'delete', 'dev', link]);
  } catch (error) {
    if (!(error instanceof ToolFailed) || !error.message.includes('Cannot find device')) throw error;
  }
}

/**
 * Also removes what a killed lab left. The links go with the namespace, and it goes when no process is in it.
 *
 * @returns whether there was a namespace
 */
export async function destroyNetwork(labId: string): Promise<boolean> {
  const namespace = namespaceName(labId);
  const names = await run('ip', ['netns', 'list']);
  const isThere = names.split('\n').some((line) => line.split(' ')[0] === namespace);
  if (isThere) {
    await endNamespaceProcesses(namespace);
    await run('ip', ['netns', 'delete', namespace]);
  }
  // By name as well: the kernel takes its time with the namespace, and the route has to be free for the next lab.
  await run('ip', ['link', 'delete', 'dev', outsideLinkName(labId)], { accept: [0, 1] });
  return isThere;
}
