import { DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DeleteSecurityGroupCommand } from '@aws-sdk/client-ec2';
import {
  DeleteInstanceProfileCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  UntagInstanceProfileCommand,
  UntagOpenIDConnectProviderCommand,
  UntagRoleCommand,
} from '@aws-sdk/client-iam';
import type { AccountClients } from '../aws/account-clients.ts';
import { EcsHostError, userError } from '../io/errors.ts';
import type { RunContext } from '../io/reporter.ts';
import type { Farewell, Pair } from './compare.ts';
import type { Found, Resource } from './resources.ts';
import { regionTag } from './resources.ts';
import { type Step, stepByStep } from './step-by-step.ts';

const GONE = /^(NoSuchEntity\w*|InvalidGroup\.NotFound|ResourceNotFoundException)$/;
const HELD = /^(DependencyViolation|DeleteConflict\w*)$/;

/** What is gone already is as it should be, and what somebody uses is theirs to let go of first. */
async function removing(resource: Resource, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof EcsHostError || !(GONE.test(error.name) || HELD.test(error.name)))
      throw error;
    if (HELD.test(error.name))
      throw userError(
        'BOOTSTRAP_IN_USE',
        `The ${resource.kind} ${resource.name} is in use: ${error.message.trim()}`,
        'end the hosts, or whatever else uses it',
      );
  }
}

async function removeRole({ iam }: AccountClients, RoleName: string, found: Found['role'] | null): Promise<void> {
  for (const PolicyArn of found?.managedPolicies ?? [])
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
  for (const PolicyName of Object.keys(found?.policies ?? {}))
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
  await iam.send(new DeleteRoleCommand({ RoleName }));
}

async function removeProfile(
  { iam }: AccountClients,
  InstanceProfileName: string,
  found: Found['instance profile'] | null,
): Promise<void> {
  if (found?.role)
    await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName: found.role }));
  await iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName }));
}

async function remove(clients: AccountClients, [resource, found]: Pair): Promise<unknown> {
  switch (resource.kind) {
    case 'security group':
      return clients.ec2.send(
        new DeleteSecurityGroupCommand({ GroupId: (found as Found['security group'] | null)?.id }),
      );
    case 'log group':
      return clients.logs.send(new DeleteLogGroupCommand({ logGroupName: resource.name }));
    case 'role':
      return removeRole(clients, resource.name, found as Found['role'] | null);
    case 'instance profile':
      return removeProfile(clients, resource.name, found as Found['instance profile'] | null);
    case 'identity provider':
      return clients.iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: resource.arn }));
  }
}

/** Other regions go on using it; this one no longer counts among them. */
function letGo({ iam }: AccountClients, resource: Resource, regionName: string): Promise<unknown> {
  const TagKeys = [regionTag(regionName)];
  switch (resource.kind) {
    case 'role':
      return iam.send(new UntagRoleCommand({ RoleName: resource.name, TagKeys }));
    case 'instance profile':
      return iam.send(new UntagInstanceProfileCommand({ InstanceProfileName: resource.name, TagKeys }));
    case 'identity provider':
      return iam.send(new UntagOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: resource.arn, TagKeys }));
    default:
      return Promise.resolve();
  }
}

/**
 * Takes away what was made here, and lets go of what other regions use.
 *
 * @throws EcsHostError `BOOTSTRAP_INCOMPLETE` (outside), `BOOTSTRAP_REFUSED` (user) or `BOOTSTRAP_INTERRUPTED`, with
 *   what was done until then
 */
export function applyFarewells(
  context: RunContext,
  clients: AccountClients,
  goodbyes: readonly Farewell[],
  { pairs, regionName }: { readonly pairs: readonly Pair[]; readonly regionName: string },
): Promise<string[]> {
  const step = ({ resource, verdict }: Farewell): Step[] => {
    const pair = pairs.find(([each]) => each === resource);
    if (pair === undefined || (verdict !== 'remove' && verdict !== 'shared')) return [];
    const title = `${verdict === 'remove' ? 'remove' : 'let go of'} ${resource.kind} ${resource.name}`;
    const work = () =>
      removing(resource, () => (verdict === 'remove' ? remove(clients, pair) : letGo(clients, resource, regionName)));
    return [{ title, parts: [{ line: verdict === 'remove' ? 'removed' : 'stays for other regions', work }] }];
  };
  return stepByStep(context, goodbyes.flatMap(step));
}
