import { CreateLogGroupCommand, PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import {
  AddClientIDToOpenIDConnectProviderCommand,
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  PutRolePolicyCommand,
  TagInstanceProfileCommand,
  TagOpenIDConnectProviderCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import type { AccountClients } from '../aws/account-clients.ts';
import type { RunContext } from '../io/reporter.ts';
import type { Comparison, Edit, Rule } from './compare.ts';
import { patiently } from './patiently.ts';
import {
  type IdentityProvider,
  type InstanceProfile,
  type LogGroup,
  ownTags,
  type Resource,
  type Role,
  type SecurityGroup,
} from './resources.ts';
import { stepByStep } from './step-by-step.ts';

type Place = {
  readonly clients: AccountClients;
  readonly regionName: string;
  /** Of the group, from when it is known. */
  groupId: string | null;
};

function tagList(resource: Resource, { regionName }: Place): { Key: string; Value: string }[] {
  return Object.entries(ownTags(resource.kind, regionName)).map(([Key, Value]) => ({ Key, Value }));
}

function permissionOf({ protocol, port, cidr, description }: Rule): IpPermission {
  return {
    IpProtocol: protocol,
    FromPort: port,
    ToPort: port,
    IpRanges: [{ CidrIp: cidr, Description: description }],
  };
}

async function editGroup(group: SecurityGroup, edit: Edit, place: Place): Promise<void> {
  const { ec2 } = place.clients;
  if (edit.op === 'create') {
    const answer = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: group.name,
        Description: group.description,
        TagSpecifications: [{ ResourceType: 'security-group', Tags: tagList(group, place) }],
      }),
    );
    place.groupId = answer.GroupId ?? null;
  }
  const GroupId = place.groupId ?? '';
  if (edit.op === 'authorize')
    await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permissionOf(edit.rule)] }));
  if (edit.op === 'revoke')
    await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permissionOf(edit.rule)] }));
}

async function editLogGroup({ name, retentionDays, kind }: LogGroup, edit: Edit, place: Place): Promise<void> {
  const { logs } = place.clients;
  if (edit.op === 'create')
    await logs.send(new CreateLogGroupCommand({ logGroupName: name, tags: { ...ownTags(kind, place.regionName) } }));
  if (edit.op === 'retention')
    await logs.send(new PutRetentionPolicyCommand({ logGroupName: name, retentionInDays: retentionDays }));
}

async function editRole(role: Role, edit: Edit, place: Place): Promise<void> {
  const { iam } = place.clients;
  const RoleName = role.name;
  const Tags = tagList(role, place);
  if (edit.op === 'create')
    await iam.send(
      new CreateRoleCommand({
        RoleName,
        Description: role.description,
        AssumeRolePolicyDocument: JSON.stringify(role.trust),
        MaxSessionDuration: role.sessionS,
        Tags,
      }),
    );
  if (edit.op === 'tag') await iam.send(new TagRoleCommand({ RoleName, Tags }));
  if (edit.op === 'session') await iam.send(new UpdateRoleCommand({ RoleName, MaxSessionDuration: role.sessionS }));
  if (edit.op === 'trust')
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(role.trust) }));
  if (edit.op === 'attach') await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: edit.arn }));
  if (edit.op === 'put-policy') {
    const PolicyDocument = JSON.stringify(role.policies[edit.name]);
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: edit.name, PolicyDocument }));
  }
}

async function editProfile(profile: InstanceProfile, edit: Edit, place: Place): Promise<void> {
  const { iam } = place.clients;
  const InstanceProfileName = profile.name;
  const Tags = tagList(profile, place);
  if (edit.op === 'create') await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName, Tags }));
  if (edit.op === 'tag') await iam.send(new TagInstanceProfileCommand({ InstanceProfileName, Tags }));
  if (edit.op === 'add-role')
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: profile.role }));
}

async function editProvider(provider: IdentityProvider, edit: Edit, place: Place): Promise<void> {
  const { iam } = place.clients;
  const { arn: OpenIDConnectProviderArn, audience, name } = provider;
  const Tags = tagList(provider, place);
  if (edit.op === 'create')
    await iam.send(new CreateOpenIDConnectProviderCommand({ Url: `https://${name}`, ClientIDList: [audience], Tags }));
  if (edit.op === 'tag') await iam.send(new TagOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, Tags }));
  if (edit.op === 'audience')
    await iam.send(new AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID: audience }));
}

function carryOut(resource: Resource, edit: Edit, place: Place): Promise<void> {
  switch (resource.kind) {
    case 'security group':
      return editGroup(resource, edit, place);
    case 'log group':
      return editLogGroup(resource, edit, place);
    case 'role':
      return editRole(resource, edit, place);
    case 'instance profile':
      return editProfile(resource, edit, place);
    case 'identity provider':
      return editProvider(resource, edit, place);
  }
}

/**
 * Creates and changes what the comparisons ask for, resource by resource in their order. What is foreign is left as it
 * is.
 *
 * @param groupId of the security group, when it is there already
 * @returns what was done, a line each
 * @throws EcsHostError `BOOTSTRAP_INCOMPLETE` (outside), `BOOTSTRAP_REFUSED` (user) or `BOOTSTRAP_INTERRUPTED`, with
 *   what was done until then
 */
export function applyEdits(
  context: RunContext,
  clients: AccountClients,
  comparisons: readonly Comparison[],
  {
    regionName,
    groupId,
    waitMs,
  }: { readonly regionName: string; readonly groupId: string | null; readonly waitMs?: number },
): Promise<string[]> {
  const place: Place = { clients, regionName, groupId };
  const ofOurs = comparisons.filter(({ verdict }) => verdict === 'create' || verdict === 'change');
  return stepByStep(
    context,
    ofOurs.map(({ resource, verdict, edits }) => ({
      title: `${verdict} ${resource.kind} ${resource.name}`,
      parts: edits.map((edit) => ({
        line: edit.line,
        work: () => patiently(() => carryOut(resource, edit, place), waitMs),
      })),
    })),
  );
}
