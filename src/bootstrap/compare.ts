import { isDeepStrictEqual } from 'node:util';
import type { Tags } from '../run/tags.ts';
import { type Compared, type Edit, groupDifference, type Rule } from './compare-group.ts';
import {
  type Found,
  type IdentityProvider,
  type InstanceProfile,
  isOurs,
  type LogGroup,
  otherRegions,
  ownTags,
  type PolicyDocument,
  type Resource,
  type Role,
  regionTag,
} from './resources.ts';

export type { Edit, Rule };

/**
 * `foreign` is there and was not made here: it is looked at, and never changed or removed (docs/decisions/0131). Its
 * edits are what it lacks.
 */
export type Verdict = 'create' | 'change' | 'same' | 'foreign';

export type Comparison = {
  readonly resource: Resource;
  readonly verdict: Verdict;
  readonly edits: readonly Edit[];
  /** What is not as bootstrap would have it, and stays so. */
  readonly notes: readonly string[];
};

/** A resource, and what was found under its name. */
export type Pair = {
  readonly [K in Resource['kind']]: readonly [Extract<Resource, { kind: K }>, Found[K] | null];
}[Resource['kind']];

/** IAM takes one text for a list of one, and gives back either. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 1 ? normal(value[0]) : value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, normal(each)]));
}

function isSameDocument(one: PolicyDocument | undefined, other: PolicyDocument): boolean {
  return isDeepStrictEqual(normal(one), normal(other));
}

/** `AmazonSSMManagedInstanceCore`, out of its ARN. */
function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Who may take a role, and under what conditions: `trusts ec2.amazonaws.com`. */
function trustLine({ Statement }: PolicyDocument): string {
  const all = (Statement as { readonly Principal?: unknown; readonly Condition?: unknown }[]).map(
    ({ Principal, Condition }) => {
      const conditions = textsIn(Condition);
      const who = textsIn(Principal).join(', ');
      return conditions.length === 0 ? who : `${who} for ${conditions.join(', ')}`;
    },
  );
  return all.join('; ') || 'nobody';
}

/** A role is made with its trust; another one takes the place of what is there. */
function trustEdits({ trust }: Role, found: Found['role'] | null): Edit[] {
  if (found === null) return [{ op: 'create', line: `+ trusts ${trustLine(trust)}` }];
  if (isSameDocument(found.trust, trust)) return [];
  return [{ op: 'trust', line: `~ trusts ${trustLine(trust)}, not ${trustLine(found.trust)}` }];
}

/** A longer one than is needed is somebody's choice. A role is made with its own. */
function sessionEdits({ sessionS }: Role, found: Found['role'] | null): Edit[] {
  if (found === null || found.sessionS >= sessionS) return [];
  return [{ op: 'session', line: `~ sessions of at most ${sessionS / 3600} h, not ${found.sessionS / 3600} h` }];
}

function roleDifference(role: Role, found: Found['role'] | null): Compared {
  const attached = found?.managedPolicies ?? [];
  const policies = found?.policies ?? {};
  const attach = role.managedPolicies
    .filter((arn) => !attached.includes(arn))
    .map((arn): Edit => ({ op: 'attach', arn, line: `+ policy ${lastPart(arn)}` }));
  const put = Object.entries(role.policies)
    .filter(([name, document]) => !isSameDocument(policies[name], document))
    .map(
      ([name]): Edit => ({ op: 'put-policy', name, line: `${policies[name] ? '~' : '+'} policy ${name} (its own)` }),
    );
  const more = [
    ...attached.filter((arn) => !role.managedPolicies.includes(arn)).map(lastPart),
    ...Object.keys(policies).filter((name) => !Object.hasOwn(role.policies, name)),
  ];
  return {
    edits: [...trustEdits(role, found), ...sessionEdits(role, found), ...attach, ...put],
    notes: more.map((name) => `policy ${name} is not bootstrap's, and is left`),
  };
}

function logDifference({ retentionDays }: LogGroup, found: Found['log group'] | null): Compared {
  const line = `keeps ${retentionDays} days`;
  const keep: Edit = { op: 'retention', line: `${found === null ? '+' : '~'} ${line}` };
  if (found === null) return { edits: [{ op: 'create', line: '+ an empty one' }, keep], notes: [] };
  if (found.retentionDays === retentionDays) return { edits: [], notes: [] };
  const was = found.retentionDays === null ? 'for ever' : `${found.retentionDays} days`;
  // How long somebody else keeps logs is theirs to say; hosts write to it either way.
  return isOurs(found.tags)
    ? { edits: [{ ...keep, line: `${keep.line}, not ${was}` }], notes: [] }
    : { edits: [], notes: [`it keeps ${was}`] };
}

function profileDifference({ role }: InstanceProfile, found: Found['instance profile'] | null): Compared {
  const add: Edit = { op: 'add-role', line: `+ role ${role}` };
  if (found === null) return { edits: [{ op: 'create', line: '+ an empty one' }, add], notes: [] };
  return { edits: found.role === null ? [add] : [], notes: [] };
}

function providerDifference({ audience }: IdentityProvider, found: Found['identity provider'] | null): Compared {
  if (found === null) return { edits: [{ op: 'create', line: `+ for ${audience}` }], notes: [] };
  return found.audiences.includes(audience)
    ? { edits: [], notes: [] }
    : { edits: [{ op: 'audience', line: `+ for ${audience}` }], notes: [] };
}

function difference([resource, found]: Pair): Compared {
  switch (resource.kind) {
    case 'security group':
      return groupDifference(resource, found as Found['security group'] | null);
    case 'log group':
      return logDifference(resource, found as Found['log group'] | null);
    case 'role':
      return roleDifference(resource, found as Found['role'] | null);
    case 'instance profile':
      return profileDifference(resource, found as Found['instance profile'] | null);
    case 'identity provider':
      return providerDifference(resource, found as Found['identity provider'] | null);
  }
}

/** Pure: what would have to be done to a resource, and by whom. */
export function compare(pair: Pair, regionName: string): Comparison {
  const [resource, found] = pair;
  const { edits, notes } = difference(pair);
  if (found === null) return { resource, verdict: 'create', edits, notes };
  if (!isOurs(found.tags)) return { resource, verdict: 'foreign', edits, notes };
  const lacks = Object.keys(ownTags(resource.kind, regionName)).some((key) => !Object.hasOwn(found.tags, key));
  const tag: Edit[] = lacks ? [{ op: 'tag', line: `+ is there for ${regionName}, too` }] : [];
  const all = [...edits, ...tag];
  return { resource, verdict: all.length === 0 ? 'same' : 'change', edits: all, notes };
}

/** `foreign` is refused by name, `shared` stays for other regions and is only let go of. */
export type Farewell = {
  readonly resource: Resource;
  readonly verdict: 'remove' | 'shared' | 'foreign' | 'absent';
  readonly notes: readonly string[];
};

function farewellTo(resource: Resource, tags: Tags | null, regionName: string): Farewell {
  if (tags === null) return { resource, verdict: 'absent', notes: [] };
  if (!isOurs(tags)) return { resource, verdict: 'foreign', notes: ['not made by bootstrap, and left'] };
  const others = otherRegions(tags, regionName);
  if (others.length > 0) {
    // One that this region never used has nothing to let go of.
    const verdict = Object.hasOwn(tags, regionTag(regionName)) ? 'shared' : 'absent';
    return { resource, verdict, notes: [`stays for ${others.join(', ')}`] };
  }
  return {
    resource,
    verdict: 'remove',
    notes: resource.kind === 'log group' ? ['with all that is written in it'] : [],
  };
}

/** Pure: what taking a region away does to each resource, in the order in which it is done. */
export function farewells(pairs: readonly Pair[], regionName: string): Farewell[] {
  return pairs.map(([resource, found]) => farewellTo(resource, found?.tags ?? null, regionName)).toReversed();
}
