import { UserProblem } from '../problem.ts';

/**
 * The lab's addresses. What machines see of the lab is fixed, because the base image names it. The part that the
 * machine outside shares (its route to the lab) is one of several, so that a second lab can be up beside the first.
 */

/** Mirror, git, registry and the API, seen from machines, and every machine's router. */
export const SERVICE_ADDRESS = '10.78.0.1';
/** What machines call SERVICE_ADDRESS. `internal` is reserved for private networks and no name in public. */
export const SERVICE_NAME = 'lab.internal';
export const IMDS_ADDRESS = '169.254.169.254';
/** The name that a machine gives its network interface, as on EC2's Nitro instances. */
export const INTERFACE = 'ens5';
/** The lab's end of the link to outside, inside the namespace. */
export const UPLINK = 'uplink';

export type NetworkPlan = {
  readonly namespace: string;
  /** What the machine outside routes into the namespace. */
  readonly network: string;
  /** The two ends of the link between the machine's own namespace and the lab's. */
  readonly outsideLink: string;
  readonly outsideAddress: string;
  readonly insideAddress: string;
  /** First two numbers of every machine's address. */
  readonly prefix: string;
};

export function namespaceName(labId: string): string {
  return `ecs-host-lab-${labId}`;
}

/** What tells a lab's link to outside from other links. */
export const LINK_PREFIX = 'ehl-';

/** The kernel allows 15 characters. */
export function outsideLinkName(labId: string): string {
  return `${LINK_PREFIX}${labId}`;
}

/** Where a lab looks for a free network by itself: the usual one first, then down from it. */
const USUAL_NETWORK = 78;
const LAST_NETWORK = 64;

/**
 * The first two numbers of each /16 that the lab may take, in the order in which it tries them.
 *
 * @throws UserProblem when the one that is asked for is none
 */
export function networkPrefixes(fixed = process.env['ECS_HOST_LAB_NETWORK'] ?? ''): readonly string[] {
  if (fixed === '') {
    return Array.from({ length: USUAL_NETWORK - LAST_NETWORK + 1 }, (_, at) => `10.${USUAL_NETWORK - at}`);
  }
  if (!/^10\.\d{1,3}$/.test(fixed) || Number(fixed.slice(3)) > 255) {
    throw new UserProblem(
      `ECS_HOST_LAB_NETWORK has to be the first two numbers of a 10.x.0.0/16 network, as in 10.78, not ${fixed}`,
    );
  }
  return [fixed];
}

export function networkPlan(labId: string, prefix: string): NetworkPlan {
  return {
    namespace: namespaceName(labId),
    network: `${prefix}.0.0/16`,
    outsideLink: outsideLinkName(labId),
    outsideAddress: `${prefix}.255.1`,
    insideAddress: `${prefix}.255.2`,
    prefix,
  };
}

/** The host end of a machine's link. */
export function linkName(address: string): string {
  return `m-${address.split('.').slice(2).join('-')}`;
}

const FIRST = 256 + 4;
const END = 256 * 200;

/**
 * A free address for a machine, looked for from where the last search ended, so that an address is not soon given to
 * another machine.
 * @param from what the previous call returned as `next`
 */
export function nextAddress(
  prefix: string,
  taken: ReadonlySet<string>,
  from = FIRST,
): { readonly address: string; readonly next: number } {
  for (let step = 0; step < END - FIRST; step += 1) {
    const n = FIRST + ((Math.max(from, FIRST) - FIRST + step) % (END - FIRST));
    const last = n % 256;
    const address = `${prefix}.${Math.floor(n / 256)}.${last}`;
    if (last !== 0 && last !== 255 && !taken.has(address)) return { address, next: n + 1 };
  }
  throw new Error('the lab has no free address left');
}

/** A locally administered MAC address that follows from the address. */
export function macAddressOf(address: string): string {
  return `0a:4e:${address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;
}

/** The name that EC2's DNS gives the address. */
export function privateDnsName(address: string, region: string): string {
  return `ip-${address.replaceAll('.', '-')}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`;
}
