import { CONTROL_PORT } from '#contracts/control-port.ts';
import { portsOf, type Selection } from '../plan/resolve.ts';
import caller from './policies/caller.json' with { type: 'json' };
import hostLogs from './policies/host-logs.json' with { type: 'json' };
import trustEc2 from './policies/trust-ec2.json' with { type: 'json' };
import trustGithub from './policies/trust-github.json' with { type: 'json' };
import {
  fill,
  type OpenPort,
  type PolicyDocument,
  type Resource,
  type SecurityGroup,
  USUAL_SESSION_S,
} from './resources.ts';

/** What the user says beside hosts.yaml. */
export type Wanted = {
  /** null: whoever is let in already. */
  readonly clients: readonly string[] | null;
  readonly webserver: readonly string[] | null;
  readonly logDays: number;
  /** Whose workflows may bake; null for none. */
  readonly ci: { readonly repository: string; readonly branch: string } | null;
};

/** Longer than a night: a bake with a driver, its proof and copies. What GitHub hands over is not renewed meanwhile. */
const CI_SESSION_S = 4 * 3600;
const GITHUB = 'token.actions.githubusercontent.com';
const SESSION_MANAGER = 'AmazonSSMManagedInstanceCore';
const MANAGED_POLICIES = [SESSION_MANAGER, 'service-role/AmazonEC2ContainerServiceforEC2Role'];

function groupOf({ regionName, region, profile }: Selection, { clients, webserver }: Wanted): SecurityGroup {
  const ports = portsOf(profile);
  const client = (protocol: OpenPort['protocol'], port: number): OpenPort => ({
    protocol,
    port,
    who: 'clients',
    cidrs: clients,
  });
  return {
    kind: 'security group',
    name: region.securityGroup,
    description: `Hosts of ecs-host in ${regionName}`,
    ports: [
      client('tcp', ports.discoveryTcp),
      client('udp', ports.streamUdp),
      client('tcp', ports.streamTcp),
      { protocol: 'tcp', port: CONTROL_PORT, who: 'webserver', cidrs: webserver },
    ],
  };
}

/** What a caller may read beside the policy of every caller: the one secret that opens the workload, where one does. */
function secretStatements({ regionName, region, profile }: Selection): object[] {
  const { secret, parameter } = profile.workload.credential ?? {};
  const where = `${region.apiRegion ?? regionName}:\${AWS::AccountId}`;
  const allow = (Action: string, Resource: string) => [
    { Sid: 'ReadWhatOpensTheWorkload', Effect: 'Allow', Action, Resource },
  ];
  if (secret?.startsWith('arn:')) return allow('secretsmanager:GetSecretValue', secret);
  // Secrets Manager adds six characters to the name.
  if (secret !== undefined)
    return allow(
      'secretsmanager:GetSecretValue',
      `arn:\${AWS::Partition}:secretsmanager:${where}:secret:${secret}-??????`,
    );
  if (parameter !== undefined)
    return allow('ssm:GetParameter', `arn:\${AWS::Partition}:ssm:${where}:parameter/${parameter.replace(/^\//, '')}`);
  return [];
}

function managedPolicy(name: string): string {
  return `arn:\${AWS::Partition}:iam::aws:policy/${name}`;
}

/** The profile of build instances, where it is not that of the hosts: they are reached, and join no cluster. */
function buildProfileOf({ region }: Selection): string | null {
  const { instanceProfile, buildInstanceProfile = instanceProfile } = region;
  return buildInstanceProfile === instanceProfile ? null : buildInstanceProfile;
}

function buildResources(name: string | null): Resource[] {
  if (name === null) return [];
  return [
    {
      kind: 'role',
      name,
      description: 'Build instances of ecs-host',
      trust: trustEc2,
      managedPolicies: [managedPolicy(SESSION_MANAGER)],
      policies: {},
      sessionS: USUAL_SESSION_S,
    },
    { kind: 'instance profile', name, role: name },
  ];
}

type CiNames = { readonly profileName: string; readonly role: string; readonly build: string | null };

/** What is said of the hosts' profile and role goes for those of build instances, too. */
function callerPolicy(selection: Selection, { profileName, role, build }: CiNames, name: string): PolicyDocument {
  const filledFor = (Role: string, InstanceProfile: string) => fill(caller, { Role, InstanceProfile, Caller: name });
  const { Version, Statement } = filledFor(role, profileName);
  const ofBuild = filledFor(build ?? role, build ?? profileName).Statement;
  const both = Statement.map((statement, at) => {
    const { Resource: other } = ofBuild[at] ?? statement;
    return JSON.stringify(other) === JSON.stringify(statement.Resource)
      ? statement
      : { ...statement, Resource: [statement.Resource, other].flat() };
  });
  return { Version, Statement: [...both, ...secretStatements(selection)] };
}

function ciResources(selection: Selection, names: CiNames, ci: Wanted['ci']): Resource[] {
  if (ci === null) return [];
  const name = `${names.profileName}-ci`;
  return [
    {
      kind: 'identity provider',
      name: GITHUB,
      arn: `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:oidc-provider/${GITHUB}`,
      audience: 'sts.amazonaws.com',
    },
    {
      kind: 'role',
      name,
      description: `Bakes and proves images for ${ci.repository}`,
      trust: fill(trustGithub, { Repository: ci.repository, Branch: ci.branch }),
      managedPolicies: [],
      policies: { 'ecs-host-caller': callerPolicy(selection, names, name) },
      sessionS: CI_SESSION_S,
    },
  ];
}

/**
 * Pure: all that a region needs of its account, in the order in which it is made.
 *
 * @param role of the instance profile: one that is there already may hold a role of another name
 */
export function desiredResources(
  selection: Selection,
  wanted: Wanted,
  role: string = selection.region.instanceProfile,
): Resource[] {
  const { regionName, region } = selection;
  const build = buildProfileOf(selection);
  return [
    { kind: 'log group', name: `/ecs-host/${regionName}`, retentionDays: wanted.logDays },
    {
      kind: 'role',
      name: role,
      description: 'Hosts of ecs-host',
      trust: trustEc2,
      managedPolicies: MANAGED_POLICIES.map(managedPolicy),
      policies: { 'ecs-host-logs': hostLogs },
      sessionS: USUAL_SESSION_S,
    },
    { kind: 'instance profile', name: region.instanceProfile, role },
    ...buildResources(build),
    ...ciResources(selection, { profileName: region.instanceProfile, role, build }, wanted.ci),
    groupOf(selection, wanted),
  ];
}
