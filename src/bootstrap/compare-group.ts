import { isWithin } from '../config/networks.ts';
import { type Found, type FoundRule, isOurs, type OpenPort, type SecurityGroup } from './resources.ts';

/** A rule as bootstrap writes it. Its description says whose it is: rules with another one are never taken away. */
export type Rule = {
  readonly protocol: OpenPort['protocol'];
  readonly port: number;
  readonly cidr: string;
  readonly description: string;
};

/** One thing to do to a resource, with the line that shows it. */
export type Edit = { readonly line: string } & (
  | { readonly op: 'create' | 'tag' | 'trust' | 'session' | 'retention' | 'add-role' | 'audience' }
  | { readonly op: 'attach'; readonly arn: string }
  | { readonly op: 'put-policy'; readonly name: string }
  | { readonly op: 'authorize' | 'revoke'; readonly rule: Rule }
  /** Cannot be done before the user says more. */
  | { readonly op: 'ask'; readonly option: string }
);

export type Compared = { readonly edits: readonly Edit[]; readonly notes: readonly string[] };

const DESCRIPTION = 'ecs-host bootstrap: ';

export function rulesOf(ports: readonly OpenPort[]): Rule[] {
  return ports.flatMap(({ protocol, port, who, cidrs }) =>
    (cidrs ?? []).map((cidr) => ({ protocol, port, cidr, description: `${DESCRIPTION}${who}` })),
  );
}

function isFor(found: FoundRule, { protocol, port }: { readonly protocol: string; readonly port: number }): boolean {
  const isOfProtocol = found.protocol === protocol || found.protocol === '-1';
  return isOfProtocol && found.fromPort <= port && port <= found.toPort;
}

function isRule(found: FoundRule, rule: Rule): boolean {
  return (
    found.protocol === rule.protocol &&
    found.fromPort === rule.port &&
    found.toPort === rule.port &&
    found.source === rule.cidr
  );
}

function covers(found: FoundRule, rule: Rule): boolean {
  return (
    isFor(found, rule) && found.source.includes('/') && !found.source.includes(':') && isWithin(rule.cidr, found.source)
  );
}

function portLine({ protocol, port, cidr }: Rule): string {
  return `${port}/${protocol} from ${cidr}`;
}

function foundLine({ protocol, fromPort, toPort, source }: FoundRule): string {
  const ports =
    protocol === '-1' ? 'everything' : `${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}/${protocol}`;
  return `${ports} from ${source}`;
}

/**
 * Ports that nobody is let in on, and nobody was named for: clients are needed, the webserver only for what cannot wait
 * for a heartbeat.
 */
function unanswered(ports: readonly OpenPort[], found: readonly FoundRule[]): Compared {
  const closed = ports.filter((each) => each.cidrs === null && !found.some((rule) => isFor(rule, each)));
  return {
    edits: closed
      .filter(({ who }) => who === 'clients')
      .map(({ port, protocol }) => ({
        op: 'ask',
        option: '--clients',
        line: `? ${port}/${protocol} is open to nobody; give --clients`,
      })),
    notes: closed
      .filter(({ who }) => who === 'webserver')
      .map(
        ({ port, protocol }) =>
          `${port}/${protocol} is open to nobody: give --webserver, or orders wait for a heartbeat`,
      ),
  };
}

/**
 * Rules that bootstrap wrote and nobody wants any more: of a port that was answered anew, or is no port of the profile
 * any more.
 */
function stale(found: readonly FoundRule[], ports: readonly OpenPort[], wanted: readonly Rule[]): Rule[] {
  return found
    .filter(({ description }) => description.startsWith(DESCRIPTION))
    .filter((rule) => !wanted.some((each) => isRule(rule, each)))
    .filter((rule) => !ports.some((each) => each.cidrs === null && isFor(rule, each)))
    .map(({ protocol, fromPort, source, description }) => ({
      protocol: protocol as Rule['protocol'],
      port: fromPort,
      cidr: source,
      description,
    }));
}

/** Pure: a group of ours gets exactly the rules that are wanted; in one of somebody else a wider rule does as well. */
export function groupDifference({ ports }: SecurityGroup, group: Found['security group'] | null): Compared {
  const found = group?.rules ?? [];
  const wanted = rulesOf(ports);
  const ours = group === null || isOurs(group.tags);
  const missing = wanted.filter((rule) => !found.some((each) => (ours ? isRule(each, rule) : covers(each, rule))));
  const gone = ours ? stale(found, ports, wanted) : [];
  const open = unanswered(ports, found);
  const strangers = found.filter(
    (rule) => !rule.description.startsWith(DESCRIPTION) && !wanted.some((each) => isRule(rule, each)),
  );
  return {
    edits: [
      ...(group === null ? [{ op: 'create' as const, line: '+ an empty one, in the default VPC' }] : []),
      ...missing.map((rule) => ({ op: 'authorize' as const, rule, line: `+ ${portLine(rule)} (${whoOf(rule)})` })),
      ...gone.map((rule) => ({ op: 'revoke' as const, rule, line: `- ${portLine(rule)} (${whoOf(rule)})` })),
      ...open.edits,
    ],
    notes: [...open.notes, ...strangers.map((rule) => `${foundLine(rule)} is not bootstrap's, and is left`)],
  };
}

function whoOf({ description }: Rule): string {
  return description.slice(DESCRIPTION.length);
}
