import { dirname, join } from 'node:path';
import { run, ToolFailed } from '../exec.ts';
import type { MachineAddress, MachineSpec } from '../machine-types.ts';
import type { LabPaths } from '../paths.ts';
import { Addresses } from './addresses.ts';
import { freeFirst, noneFree } from './free-networks.ts';
import { hasLink, removeLink, waitForLink } from './links.ts';
import { endNamespaceProcesses } from './namespace-processes.ts';
import {
  IMDS_ADDRESS,
  linkName,
  macAddressOf,
  type NetworkPlan,
  namespaceName,
  networkPlan,
  networkPrefixes,
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
  /** Which machine speaks. */
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

/**
 * Says on the link whose it is. Not worth failing for: it is a hint for the next lab, and the kernel takes 255
 * characters.
 */
async function signLink(link: string, state: string): Promise<void> {
  await run('ip', ['link', 'set', 'dev', link, 'alias', state], { accept: [0, 1, 2, 255] });
}

/**
 * Makes the namespace, its one link to outside, its addresses and its packet filter, in the first network that is free.
 * An older one of the same lab is removed first.
 *
 * @throws UserProblem when no network is free
 */
export async function createNetwork(paths: LabPaths): Promise<Network> {
  const prefixes = networkPrefixes();
  await destroyNetwork(paths.id);
  for (const prefix of await freeFirst(prefixes)) {
    const network = await takeNetwork(paths, networkPlan(paths.id, prefix));
    if (network !== null) return network;
  }
  throw await noneFree(prefixes);
}

/** @returns null when somebody else has taken the network meanwhile */
async function takeNetwork(paths: LabPaths, plan: NetworkPlan): Promise<Network | null> {
  const addresses = await Addresses.read(join(paths.machines, 'addresses.json'), plan.prefix);
  const network = new NamespaceNetwork(paths.id, plan, addresses);
  await run('ip', ['netns', 'add', plan.namespace]);
  try {
    await connectNamespace(plan);
    await signLink(plan.outsideLink, dirname(paths.state));
    await network.applyFilter();
    if (await routeFromOutside(plan)) return network;
    await destroyNetwork(paths.id);
    return null;
  } catch (error) {
    await destroyNetwork(paths.id);
    throw error;
  }
}

/** The namespace's end: its own settings, the service addresses, and its end of the link to outside. */
async function connectNamespace({ namespace, outsideLink, outsideAddress, insideAddress }: NetworkPlan): Promise<void> {
  await run('nsenter', [
    ...entering(namespace),
    'sysctl',
    '-qw',
    'net.ipv6.conf.all.disable_ipv6=1',
    'net.ipv6.conf.default.disable_ipv6=1',
    'net.ipv4.conf.all.rp_filter=1',
    // Every refusal is told at once; the kernel would otherwise hold back all but one in a second.
    'net.ipv4.icmp_ratelimit=0',
    'net.ipv4.ip_forward=1',
  ]);
  await run('ip', ['link', 'add', outsideLink, 'type', 'veth', 'peer', 'name', UPLINK, 'netns', namespace]);
  await ipInside(namespace, [
    'link set lo up',
    `address add ${SERVICE_ADDRESS}/32 dev lo`,
    `address add ${IMDS_ADDRESS}/32 dev lo`,
    `address add ${insideAddress} peer ${outsideAddress} dev ${UPLINK}`,
    `link set ${UPLINK} up`,
  ]);
}

/**
 * The other end, on the machine itself. The route comes first and takes the network: the kernel has each route once, so
 * of two labs that start at the same moment one is refused.
 *
 * @returns false when there is such a route
 */
async function routeFromOutside(plan: NetworkPlan): Promise<boolean> {
  const { outsideLink, outsideAddress, insideAddress, network } = plan;
  await run('ip', ['link', 'set', outsideLink, 'up']);
  try {
    await run('ip', ['route', 'add', network, 'dev', outsideLink]);
  } catch (error) {
    if (error instanceof ToolFailed && error.message.includes('File exists')) return false;
    throw error;
  }
  await run('ip', ['-batch', '-'], {
    input: [
      `address add ${outsideAddress} peer ${insideAddress} dev ${outsideLink}`,
      `route replace ${network} via ${insideAddress} dev ${outsideLink} src ${outsideAddress}`,
      '',
    ].join('\n'),
  });
  return true;
}

function entering(namespace: string): readonly string[] {
  return [`--net=/run/netns/${namespace}`];
}

function ipInside(namespace: string, batch: readonly string[]): Promise<string> {
  return run('ip', ['-n', namespace, '-batch', '-'], { input: `${batch.join('\n')}\n` });
}

class NamespaceNetwork implements Network {
  readonly namespace: string;
  readonly #labId: string;
  readonly #addresses: Addresses;
  readonly #filtered = new Map<string, FilteredMachine>();
  /** Several calls may change the filter at once; the last text to be rendered has to be the last to be loaded. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(labId: string, plan: NetworkPlan, addresses: Addresses) {
    this.namespace = plan.namespace;
    this.#labId = labId;
    this.#addresses = addresses;
  }

  async applyFilter(): Promise<void> {
    const rules = renderRules([...this.#filtered.values()]);
    await run('nsenter', [...entering(this.namespace), 'nft', '-f', '-'], { input: rules });
  }

  addressOf(instanceId: string): MachineAddress | null {
    const address = this.#addresses.of(instanceId);
    return address === null ? null : machineAddress(address);
  }

  instanceAt(address: string): string | null {
    return this.#addresses.instanceAt(address);
  }

  allocate(instanceId: string): Promise<MachineAddress> {
    return this.#inTurn(async () => machineAddress(await this.#addresses.allocate(instanceId)));
  }

  release(instanceId: string): Promise<void> {
    return this.#inTurn(() => this.#addresses.release(instanceId));
  }

  attach(instanceId: string, { securityGroups, httpPutResponseHopLimit }: MachineFilter): Promise<void> {
    return this.#inTurn(async () => {
      const address = this.#addresses.required(instanceId);
      await removeLink(this.namespace, linkName(address));
      this.#filtered.set(instanceId, { address, hopLimit: httpPutResponseHopLimit, securityGroups });
      await this.applyFilter();
    });
  }

  async connect(instanceId: string, signal: AbortSignal): Promise<boolean> {
    const address = this.#addresses.required(instanceId);
    const link = linkName(address);
    if (!(await waitForLink(this.namespace, link, signal))) return false;
    try {
      await ipInside(this.namespace, [
        `link set ${link} up`,
        `route replace ${address}/32 dev ${link} src ${SERVICE_ADDRESS}`,
      ]);
    } catch (error) {
      // The link goes with the machine.
      if (await hasLink(this.namespace, link)) throw error;
      return false;
    }
    return true;
  }

  detach(instanceId: string): Promise<void> {
    return this.#inTurn(async () => {
      const filter = this.#filtered.get(instanceId);
      if (filter === undefined) return;
      this.#filtered.delete(instanceId);
      await removeLink(this.namespace, linkName(filter.address));
      await this.applyFilter();
    });
  }

  setIngress(instanceId: string, securityGroups: MachineSpec['securityGroups']): Promise<void> {
    return this.#inTurn(async () => {
      const filter = this.#filtered.get(instanceId);
      if (filter === undefined) return;
      this.#filtered.set(instanceId, { ...filter, securityGroups });
      await this.applyFilter();
    });
  }

  destroy(): Promise<void> {
    return this.#inTurn(async () => void (await destroyNetwork(this.#labId)));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

function machineAddress(address: string): MachineAddress {
  return { address, macAddress: macAddressOf(address) };
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
