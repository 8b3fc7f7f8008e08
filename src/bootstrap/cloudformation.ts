import { TAG } from '../run/tags.ts';
import { rulesOf } from './compare-group.ts';
import type { Kind, OfKind, Resource } from './resources.ts';
import { isOfTheAccount } from './resources.ts';

/**
 * Another owner than bootstrap's: what a stack made goes away with the stack, and `bootstrap --destroy` leaves it
 * alone.
 */
const TAGS = [{ Key: TAG.owner, Value: 'cloudformation' }];

type Built = { readonly Type: string; readonly Properties: object; readonly DependsOn?: string };

/** `${AWS::AccountId}` and its like stand in texts only, and only CloudFormation's Fn::Sub knows them. */
function substituted(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('${AWS::') ? { 'Fn::Sub': value } : value;
  if (Array.isArray(value)) return value.map(substituted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, substituted(each)]));
}

const builders: { readonly [K in Kind]: (resource: OfKind<K>) => Built } = {
  'security group': ({ name, description, ports }) => ({
    Type: 'AWS::EC2::SecurityGroup',
    Properties: {
      GroupName: name,
      GroupDescription: description,
      SecurityGroupIngress: rulesOf(ports).map(({ protocol, port, cidr, description: Description }) => ({
        IpProtocol: protocol,
        FromPort: port,
        ToPort: port,
        CidrIp: cidr,
        Description,
      })),
      Tags: TAGS,
    },
  }),
  'log group': ({ name, retentionDays }) => ({
    Type: 'AWS::Logs::LogGroup',
    Properties: { LogGroupName: name, RetentionInDays: retentionDays, Tags: TAGS },
  }),
  role: ({ name, description, trust, managedPolicies, policies, sessionS }) => ({
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: name,
      Description: description,
      AssumeRolePolicyDocument: trust,
      MaxSessionDuration: sessionS,
      ...(managedPolicies.length === 0 ? {} : { ManagedPolicyArns: managedPolicies }),
      Policies: Object.entries(policies).map(([PolicyName, PolicyDocument]) => ({ PolicyName, PolicyDocument })),
      Tags: TAGS,
    },
  }),
  // CloudFormation takes no tags for these.
  'instance profile': ({ name, role }) => ({
    Type: 'AWS::IAM::InstanceProfile',
    Properties: { InstanceProfileName: name, Roles: [role] },
    DependsOn: logicalId({ kind: 'role', name: role }),
  }),
  'identity provider': ({ name, audience }) => ({
    Type: 'AWS::IAM::OIDCProvider',
    Properties: { Url: `https://${name}`, ClientIdList: [audience], Tags: TAGS },
  }),
};

/** Letters and digits only: `RoleEcsHostCi`. */
function logicalId({ kind, name }: { readonly kind: Kind; readonly name: string }): string {
  const words = `${kind} ${name}`.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function build(resource: Resource): Built {
  // Each kind has the builder of its own kind; the compiler cannot see that through the index.
  return (builders[resource.kind] as (each: Resource) => Built)(resource);
}

/** An account has one provider of an address, whoever made it, and roles are of all its regions. */
function conditionOf({ kind }: Resource): string | null {
  if (kind === 'identity provider') return 'MakesProvider';
  return isOfTheAccount(kind) ? 'MakesRoles' : null;
}

function switchParameter(Description: string): object {
  return { Type: 'String', AllowedValues: ['yes', 'no'], Default: 'yes', Description };
}

/** Pure: the resources of a region as a CloudFormation template. */
export function cloudFormationTemplate(resources: readonly Resource[], regionName: string): object {
  const hasProvider = resources.some(({ kind }) => kind === 'identity provider');
  const isYes = (parameter: string) => ({ 'Fn::Equals': [{ Ref: parameter }, 'yes'] });
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `What ecs-host needs in ${regionName}. Made by \`ecs-host bootstrap --template\`.`,
    Parameters: {
      MakeRoles: switchParameter('no where the account has them already, such as in its second region'),
      ...(hasProvider ? { MakeProvider: switchParameter('no where the account trusts GitHub Actions already') } : {}),
    },
    Conditions: {
      MakesRoles: isYes('MakeRoles'),
      ...(hasProvider ? { MakesProvider: isYes('MakeProvider') } : {}),
    },
    Resources: Object.fromEntries(
      resources.map((resource) => {
        const { Type, Properties, DependsOn } = build(resource);
        const Condition = conditionOf(resource);
        return [
          logicalId(resource),
          {
            Type,
            ...(Condition === null ? {} : { Condition }),
            ...(DependsOn === undefined ? {} : { DependsOn }),
            Properties: substituted(Properties),
          },
        ];
      }),
    ),
  };
}
