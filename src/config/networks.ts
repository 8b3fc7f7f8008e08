/** IPv4 networks in the notation of hosts.yaml, as numbers. */
export type Network = { readonly first: number; readonly size: number; readonly prefix: number };

/**
 * A sixteenth of the internet: more lets in whom nobody knows, under whatever list of networks
 * (docs/decisions/0100).
 */
export const MOST_ADDRESSES = 2 ** 28;

const BYTE = 256;
const ADDRESS_BITS = 32;

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * BYTE + Number(part), 0);
}

function addressOf(value: number): string {
  return [3, 2, 1, 0].map((place) => Math.floor(value / BYTE ** place) % BYTE).join('.');
}

/** The network that an entry lies in. The schema has seen to its form. */
export function networkOf(cidr: string): Network {
  const [address = '', prefix = '32'] = cidr.split('/');
  const size = 2 ** (ADDRESS_BITS - Number(prefix));
  return { first: Math.floor(numberOf(address) / size) * size, size, prefix: Number(prefix) };
}

export function cidrOf(network: Network): string {
  return `${addressOf(network.first)}/${network.prefix}`;
}

/** Whether all of `inner` lies in `outer`. */
export function isWithin(inner: string, outer: string): boolean {
  const [small, large] = [networkOf(inner), networkOf(outer)];
  return small.first >= large.first && small.first + small.size <= large.first + large.size;
}

/** How many addresses the entries let in together; what is named twice counts once. */
export function addressesIn(cidrs: readonly string[]): number {
  let total = 0;
  let end = 0;
  for (const { first, size } of cidrs.map(networkOf).toSorted((a, b) => a.first - b.first)) {
    total += Math.max(0, first + size - Math.max(first, end));
    end = Math.max(end, first + size);
  }
  return total;
}

const PRIVATE = ['10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'].map(networkOf);
const DOTTED = /^(\d{1,3}\.){3}\d{1,3}$/;

/** As machines of the lab call it (lab/net/plan.ts). `internal` is reserved: nobody can have the name in public. */
export const LAB_NAME = 'lab.internal';

/**
 * Whether a host of a URL is this machine or one of a private network for certain: `localhost`, the lab, or an address.
 * Any other name, however it begins, is what a resolver says.
 */
export function isPrivateHost(host: string): boolean {
  if (host === 'localhost' || host === LAB_NAME) return true;
  if (!DOTTED.test(host)) return false;
  const value = numberOf(host);
  return PRIVATE.some(({ first, size }) => value >= first && value < first + size);
}
