import { TAG, type Tags } from '../run/tags.ts';

/**
 * What an account needs, as data. Texts may hold CloudFormation's own `${AWS::AccountId}` and `${AWS::Partition}`: a
 * template keeps them, and `inAccount` fills them in where the account is known.
 */
export type PolicyDocument = { readonly Version: string; readonly Statement: readonly object[] };

/** Who is let in on a port. `cidrs` is null where the user did not say: whoever is let in already stays. */
export type OpenPort = {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly who: 'clients' | 'webserver';
  readonly cidrs: readonly string[] | null;
};

export type SecurityGroup = {
  readonly kind: 'security group';
  readonly name: string;
  readonly description: string;
  readonly ports: readonly OpenPort[];
};
export type LogGroup = { readonly kind: 'log group'; readonly name: string; readonly retentionDays: number };
/** What IAM gives a role where nothing is said. */
export const USUAL_SESSION_S = 3600;
export type Role = {
  readonly kind: 'role';
  readonly name: string;
  readonly description: string;
  readonly trust: PolicyDocument;
  /** ARNs of AWS's own policies. */
  readonly managedPolicies: readonly string[];
  /** By name. */
  readonly policies: Readonly<Record<string, PolicyDocument>>;
  /** For how many seconds whoever takes the role may have it at most. */
  readonly sessionS: number;
};
export type InstanceProfile = { readonly kind: 'instance profile'; readonly name: string; readonly role: string };
export type IdentityProvider = {
  readonly kind: 'identity provider';
  /** Its host: what comes behind https://. */
  readonly name: string;
  readonly arn: string;
  readonly audience: string;
};
export type Resource = SecurityGroup | LogGroup | Role | InstanceProfile | IdentityProvider;
export type Kind = Resource['kind'];
export type OfKind<K extends Kind> = Extract<Resource, { readonly kind: K }>;

/** What is there, as far as it can differ from what is needed. */
export type FoundRule = {
  readonly protocol: string;
  readonly fromPort: number;
  readonly toPort: number;
  /** A network, or the id of a group or prefix list. */
  readonly source: string;
  readonly description: string;
};
type Owned = { readonly tags: Tags };
export type Found = {
  readonly 'security group': Owned & { readonly id: string; readonly rules: readonly FoundRule[] };
  readonly 'log group': Owned & { readonly retentionDays: number | null };
  readonly role: Owned & {
    readonly trust: PolicyDocument;
    readonly managedPolicies: readonly string[];
    readonly policies: Readonly<Record<string, PolicyDocument>>;
    readonly sessionS: number;
  };
  readonly 'instance profile': Owned & { readonly role: string | null };
  readonly 'identity provider': Owned & { readonly audiences: readonly string[] };
};

/** Roles and what belongs to them are of the whole account: other regions may use them, too. */
const OF_THE_ACCOUNT: readonly Kind[] = ['role', 'instance profile', 'identity provider'];

export function isOfTheAccount(kind: Kind): boolean {
  return OF_THE_ACCOUNT.includes(kind);
}

const OWNER = 'bootstrap';
const REGION_TAG = 'ecs-host:region/';

/**
 * What marks a resource as made here. There is no run id, so no sweep selects it. What is of the account also says for
 * which regions it is there: the last one that is taken away takes it along.
 */
export function ownTags(kind: Kind, regionName: string): Tags {
  return {
    [TAG.owner]: OWNER,
    ...(isOfTheAccount(kind) ? { [regionTag(regionName)]: 'yes' } : {}),
  };
}

export function regionTag(regionName: string): string {
  return `${REGION_TAG}${regionName}`;
}

export function isOurs(tags: Tags): boolean {
  return tags[TAG.owner] === OWNER;
}

export function otherRegions(tags: Tags, regionName: string): string[] {
  return Object.keys(tags)
    .filter((key) => key.startsWith(REGION_TAG) && key !== regionTag(regionName))
    .map((key) => key.slice(REGION_TAG.length));
}

/** Every `${NAME}` that is given, in all texts of a value; what is not given stays. */
export function fill<T>(value: T, names: Readonly<Record<string, string>>): T {
  const text = JSON.stringify(value).replaceAll(/\$\{([A-Za-z:]+)\}/g, (whole, name: string) => names[name] ?? whole);
  return JSON.parse(text) as T;
}

export type Account = { readonly id: string; readonly partition: string };

export function inAccount<T>(value: T, account: Account): T {
  return fill(value, { 'AWS::AccountId': account.id, 'AWS::Partition': account.partition });
}
