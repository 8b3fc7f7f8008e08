const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * An address of a socket in one way of writing: IPv4 that came through an IPv6 socket is IPv4, and a zone is left
 * out.
 */
export function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/, '').toLowerCase();
  return MAPPED.exec(bare)?.[1] ?? bare;
}

/**
 * Whom an address belongs to: one machine with IPv4; with IPv6 a /64, out of which anybody can take as many addresses
 * as they like.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  const all = [...groups, ...Array<string>(gap).fill('0'), ...last];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** The address that an identity document names, or null. */
export function privateIpOf(identityDocument: string): string | null {
  const { privateIp } = JSON.parse(identityDocument) as { privateIp?: unknown };
  return typeof privateIp === 'string' ? privateIp : null;
}
