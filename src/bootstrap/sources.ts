import { addressesIn, cidrOf, MOST_ADDRESSES, networkOf } from '../config/networks.ts';
import { userError } from '../io/errors.ts';

const FORM = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;
const EVERYBODY = '0.0.0.0/0';

function isNetwork(text: string): boolean {
  const numbers = FORM.exec(text)?.slice(1).map(Number);
  return numbers?.every((part, at) => part <= (at === 4 ? 32 : 255)) ?? false;
}

/**
 * The networks that an option names, each once.
 *
 * @param mayBeEverybody whether `0.0.0.0/0` may be written out; without it, and by several networks, nobody opens a
 * port to the world
 * @throws EcsHostError (user) `NETWORK` for one that is none, or `NETWORK_TOO_WIDE` for too many addresses
 */
export function networksOf(
  option: string,
  values: readonly string[],
  { mayBeEverybody }: { readonly mayBeEverybody: boolean },
): string[] {
  for (const value of values) {
    if (!isNetwork(value))
      throw userError('NETWORK', `--${option} "${value}" is no IPv4 network.`, 'for example 203.0.113.0/24');
    const network = cidrOf(networkOf(value));
    if (network !== value)
      throw userError(
        'NETWORK',
        `--${option} ${value} is an address inside a network, not a network.`,
        `write ${network} for the network, or ${value.replace(/\/.*/, '')}/32 for the one address`,
      );
  }
  const isWrittenOut = mayBeEverybody && values.includes(EVERYBODY);
  if (!isWrittenOut && addressesIn(values) > MOST_ADDRESSES)
    throw userError(
      'NETWORK_TOO_WIDE',
      `--${option} opens the hosts to much of the internet.`,
      mayBeEverybody
        ? `name the networks that clients come from; ${EVERYBODY} written out means everybody`
        : 'name the address that the webserver speaks from, for example 203.0.113.7/32',
    );
  return [...new Set(values)];
}
