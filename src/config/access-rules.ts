import { CONTROL_PORT } from '#contracts/control-port.ts';
import { addressesIn, cidrOf, isPrivateHost, MOST_ADDRESSES, networkOf } from './networks.ts';
import type { ProfileRule } from './rule.ts';

/** Who listens on a host already. */
const TAKEN_TCP: ReadonlyMap<number, string> = new Map([
  [22, "the host's ssh"],
  [CONTROL_PORT, "the host service's own control port"],
  [51678, "the ECS agent's"],
  [51679, "the ECS agent's"],
  [51680, "the ECS agent's"],
]);

/**
 * The host of a URL that has no encryption and leaves private networks; what is built from it could be exchanged on the
 * way.
 */
function openHost(url: string | null | undefined): string | null {
  const host = /^(?:http|git):\/\/([^/:]+)/.exec(url ?? '')?.[1];
  return host === undefined || isPrivateHost(host) ? null : host;
}

/** Rules about who gets in, and about what comes in over the network. */
export const ACCESS_RULES: readonly ProfileRule[] = [
  {
    code: 'SSH_USER_ROOT',
    severity: 'error',
    title: '`sshUser` is the login user of the base image, not root.',
    check: ({ os }) =>
      os?.sshUser === 'root'
        ? {
            key: ['os', 'sshUser'],
            reason: 'cloud images let nobody in as root',
            hint: 'ubuntu on Ubuntu, admin on Debian',
          }
        : null,
  },
  {
    code: 'SSH_SOURCES_MISSING',
    severity: 'error',
    title: 'Transport `ssh` needs `sshSourceCidrs`.',
    check: ({ transport, sshSourceCidrs }) =>
      transport === 'ssh' && (sshSourceCidrs ?? []).length === 0
        ? {
            key: ['transport'],
            reason: 'transport ssh needs sshSourceCidrs, or nobody gets in',
            hint: 'name the addresses that you come from, for example [203.0.113.7/32]',
          }
        : null,
  },
  {
    code: 'SSH_OPEN_TO_WORLD',
    severity: 'error',
    title: 'ssh is not opened to the whole internet, nor to more than a sixteenth of it by several networks.',
    check: ({ transport, sshSourceCidrs }) =>
      transport === 'ssh' && addressesIn(sshSourceCidrs ?? []) > MOST_ADDRESSES
        ? {
            key: ['sshSourceCidrs'],
            reason: 'ssh would be open to the whole internet, or much of it, while the image is built',
            hint: 'name the addresses that you come from, for example [203.0.113.7/32], or use session-manager',
          }
        : null,
  },
  {
    code: 'SSH_SOURCE_HOST_BITS',
    severity: 'error',
    title: 'An entry of `sshSourceCidrs` is a network: no bits are set behind its length.',
    check: ({ transport, sshSourceCidrs }) => {
      const cidrs = transport === 'ssh' ? (sshSourceCidrs ?? []) : [];
      if (addressesIn(cidrs) > MOST_ADDRESSES) return null;
      return cidrs.flatMap((cidr, at) => {
        const network = cidrOf(networkOf(cidr));
        const hint = `write ${network} for the network, or ${cidr.replace(/\/.*/, '')}/32 for the one address`;
        return network === cidr
          ? []
          : [{ key: ['sshSourceCidrs', at], reason: `${cidr} is an address inside a network, not a network`, hint }];
      });
    },
  },
  {
    code: 'SSH_SOURCES_UNUSED',
    severity: 'error',
    title: '`sshSourceCidrs` belongs to transport `ssh`.',
    check: ({ transport, sshSourceCidrs }) =>
      transport !== 'ssh' && (sshSourceCidrs ?? []).length > 0
        ? {
            key: ['sshSourceCidrs'],
            reason: 'sshSourceCidrs means nothing under transport session-manager',
            hint: 'remove it, or set transport: ssh',
          }
        : null,
  },
  {
    code: 'REPOSITORY_NOT_ENCRYPTED',
    severity: 'error',
    title: 'The workload does not come over http:// or git:// unless from `localhost`, the lab or a private address.',
    check: ({ workload }) => {
      const host = openHost(workload?.repository);
      return host === null
        ? null
        : {
            key: ['workload', 'repository'],
            reason: `no encryption on the way from ${host}: what is built on the image could be exchanged`,
            hint: 'use https; without it only localhost, lab.internal and private addresses such as 10.0.0.1 are taken',
          };
    },
  },
  {
    code: 'ENDPOINT_NOT_ENCRYPTED',
    severity: 'error',
    title: 'Agents do not speak http:// to `apiEndpoint` unless it is `localhost`, the lab or a private address.',
    check: ({ ecsAgent }) => {
      const host = openHost(ecsAgent?.apiEndpoint);
      return host === null
        ? null
        : {
            key: ['ecsAgent', 'apiEndpoint'],
            reason: `no encryption on the way to ${host}: whoever is between gives orders to the host`,
            hint: 'use https; without it only localhost, lab.internal and private addresses such as 10.0.0.1 are taken',
          };
    },
  },
  {
    code: 'PORTS_CLASH',
    severity: 'error',
    title:
      'Two TCP ports of the workload differ, and none is 22 (ssh), 4678 (the host service) or one of the ECS agent.',
    check: ({ workload }) => {
      const ports = workload?.ports;
      if (!ports) return null;
      return (['discoveryTcp', 'streamTcp'] as const).flatMap((name) => {
        const same =
          name === 'streamTcp' && ports.discoveryTcp === ports.streamTcp ? "the workload's discoveryTcp" : undefined;
        const owner = same ?? TAKEN_TCP.get(ports[name]);
        return owner === undefined
          ? []
          : [
              {
                key: ['workload', 'ports', name],
                reason: `TCP port ${ports[name]} is ${owner} already`,
                hint: 'choose another port, for example one from 32256 to 32767; only TCP and UDP may share a number',
              },
            ];
      });
    },
  },
];
