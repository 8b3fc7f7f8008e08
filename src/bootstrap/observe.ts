import { DescribeLogGroupsCommand, ListTagsForResourceCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeSecurityGroupsCommand, DescribeVpcsCommand, type IpPermission } from '@aws-sdk/client-ec2';
import {
  GetInstanceProfileCommand,
  GetOpenIDConnectProviderCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  paginateListAttachedRolePolicies,
  paginateListRolePolicies,
} from '@aws-sdk/client-iam';
import type { AccountClients } from '../aws/account-clients.ts';
import { userError } from '../io/errors.ts';
import { ambiguousGroup } from '../plan/facts.ts';
import type { Tags } from '../run/tags.ts';
import type { Pair } from './compare.ts';
import {
  type Account,
  type Found,
  type FoundRule,
  type IdentityProvider,
  type PolicyDocument,
  type Resource,
  USUAL_SESSION_S,
} from './resources.ts';

function tagsOf(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] = [],
): Tags {
  return Object.fromEntries(tags.flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? '']])));
}

/** IAM says it by an error when something is not there. */
async function orNull<T>(work: Promise<T>): Promise<T | null> {
  return work.catch((error: unknown) => {
    if (error instanceof Error && /^NoSuchEntity/.test(error.name)) return null;
    throw error;
  });
}

/** IAM gives documents percent-encoded. */
function documentOf(text = ''): PolicyDocument {
  return JSON.parse(decodeURIComponent(text)) as PolicyDocument;
}

function rulesOf(permission: IpPermission): FoundRule[] {
  const { IpProtocol: protocol = '-1', FromPort: fromPort = 0, ToPort: toPort = 65_535 } = permission;
  const rule = (source = '', description = ''): FoundRule => ({ protocol, fromPort, toPort, source, description });
  return [
    ...(permission.IpRanges ?? []).map(({ CidrIp, Description }) => rule(CidrIp, Description)),
    ...(permission.Ipv6Ranges ?? []).map(({ CidrIpv6, Description }) => rule(CidrIpv6, Description)),
    ...(permission.UserIdGroupPairs ?? []).map(({ GroupId, Description }) => rule(GroupId, Description)),
    ...(permission.PrefixListIds ?? []).map(({ PrefixListId, Description }) => rule(PrefixListId, Description)),
  ];
}

async function findGroup({ ec2 }: AccountClients, name: string, region: string) {
  const { SecurityGroups = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: [name] }] }),
  );
  if (SecurityGroups.length > 1) throw ambiguousGroup(SecurityGroups.length, name, region);
  return SecurityGroups[0] ?? null;
}

async function findRole({ iam }: AccountClients, RoleName: string): Promise<Found['role'] | null> {
  const answer = await orNull(iam.send(new GetRoleCommand({ RoleName })));
  if (answer === null) return null;
  const managedPolicies: string[] = [];
  for await (const page of paginateListAttachedRolePolicies({ client: iam }, { RoleName }))
    managedPolicies.push(...(page.AttachedPolicies ?? []).flatMap(({ PolicyArn }) => PolicyArn ?? []));
  const policies: Record<string, PolicyDocument> = {};
  for await (const page of paginateListRolePolicies({ client: iam }, { RoleName }))
    for (const PolicyName of page.PolicyNames ?? []) {
      const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      policies[PolicyName] = documentOf(PolicyDocument);
    }
  const { Tags: tags, AssumeRolePolicyDocument, MaxSessionDuration: sessionS = USUAL_SESSION_S } = answer.Role ?? {};
  return { tags: tagsOf(tags), trust: documentOf(AssumeRolePolicyDocument), managedPolicies, policies, sessionS };
}

async function findProfile({ iam }: AccountClients, name: string): Promise<Found['instance profile'] | null> {
  const answer = await orNull(iam.send(new GetInstanceProfileCommand({ InstanceProfileName: name })));
  const profile = answer?.InstanceProfile;
  return profile ? { tags: tagsOf(profile.Tags), role: profile.Roles?.[0]?.RoleName ?? null } : null;
}

async function findProvider(
  { iam }: AccountClients,
  { arn }: IdentityProvider,
): Promise<Found['identity provider'] | null> {
  const answer = await orNull(iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn })));
  return answer && { tags: tagsOf(answer.Tags), audiences: answer.ClientIDList ?? [] };
}

async function findLogGroup({ logs }: AccountClients, name: string): Promise<Found['log group'] | null> {
  // Among those that begin with it, the name itself comes first.
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }));
  const found = logGroups.find(({ logGroupName }) => logGroupName === name);
  if (!found) return null;
  // The ARN of a group ends in `:*` where its streams are meant.
  const resourceArn = (found.logGroupArn ?? found.arn ?? '').replace(/:\*$/, '');
  const { tags = {} } = await logs.send(new ListTagsForResourceCommand({ resourceArn }));
  return { tags, retentionDays: found.retentionInDays ?? null };
}

async function find(clients: AccountClients, resource: Resource, region: string): Promise<Pair> {
  switch (resource.kind) {
    case 'security group': {
      const group = await findGroup(clients, resource.name, region);
      const rules = (group?.IpPermissions ?? []).flatMap(rulesOf);
      return [resource, group && { tags: tagsOf(group.Tags), id: group.GroupId ?? '', rules }];
    }
    case 'log group':
      return [resource, await findLogGroup(clients, resource.name)];
    case 'role':
      return [resource, await findRole(clients, resource.name)];
    case 'instance profile':
      return [resource, await findProfile(clients, resource.name)];
    case 'identity provider':
      return [resource, await findProvider(clients, resource)];
  }
}

/** Looks for each resource under its name. */
export function observe(clients: AccountClients, resources: readonly Resource[], region: string): Promise<Pair[]> {
  return Promise.all(resources.map((resource) => find(clients, resource, region)));
}

/** The role that an instance profile holds, or null. */
export async function roleOfProfile(clients: AccountClients, profile: string): Promise<string | null> {
  return (await findProfile(clients, profile))?.role ?? null;
}

/** By how the names of its regions begin; all others are `aws`. */
const PARTITIONS: Readonly<Record<string, string>> = {
  'cn-': 'aws-cn',
  'us-gov-': 'aws-us-gov',
  'us-iso-': 'aws-iso',
  'us-isob-': 'aws-iso-b',
  'eu-isoe-': 'aws-iso-e',
  'us-isof-': 'aws-iso-f',
  'eusc-': 'aws-eusc',
};

function partitionOf(apiRegion: string): string {
  const begins = Object.keys(PARTITIONS).find((prefix) => apiRegion.startsWith(prefix));
  return PARTITIONS[begins ?? ''] ?? 'aws';
}

/**
 * The account, by who owns its default VPC, in which the group is made, or the group itself. STS would say it as well,
 * for one more client and permission.
 *
 * @throws EcsHostError (user) `DEFAULT_VPC_MISSING`
 */
export async function findAccount(clients: AccountClients, groupName: string, apiRegion: string): Promise<Account> {
  const { Vpcs = [] } = await clients.ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }),
  );
  const id = Vpcs[0]?.OwnerId ?? (await findGroup(clients, groupName, apiRegion))?.OwnerId;
  if (id === undefined)
    throw userError(
      'DEFAULT_VPC_MISSING',
      `There is no default VPC in ${apiRegion}.`,
      '`aws ec2 create-default-vpc` makes one',
    );
  return { id, partition: partitionOf(apiRegion) };
}
