import type { AccountClients } from '../aws/account-clients.ts';
import type { Selection } from '../plan/resolve.ts';
import { type Comparison, compare, type Farewell, farewells, type Pair } from './compare.ts';
import { desiredResources, type Wanted } from './desired.ts';
import { findAccount, observe, roleOfProfile } from './observe.ts';
import { namingMissingPermissions } from './permission.ts';
import { type Account, inAccount } from './resources.ts';

/** An account as it is, beside what a region needs of it. */
export type Survey = { readonly account: Account; readonly pairs: readonly Pair[]; readonly clients: AccountClients };

/** Only names matter where everything is taken away, whoever may bake. */
const ANYBODY = { repository: 'owner/name', branch: 'main' };

/** Looks at what is there. Asks only; the clients that are given back name the permission that is missing. */
export async function survey(
  given: AccountClients,
  selection: Selection,
  { wanted, isFarewell }: { readonly wanted: Wanted; readonly isFarewell: boolean },
): Promise<Survey> {
  const clients: AccountClients = {
    ec2: namingMissingPermissions(given.ec2, 'ec2'),
    iam: namingMissingPermissions(given.iam, 'iam'),
    logs: namingMissingPermissions(given.logs, 'logs'),
  };
  const { region, regionName } = selection;
  const [account, role] = await Promise.all([
    findAccount(clients, region.securityGroup, region.apiRegion ?? regionName),
    roleOfProfile(clients, region.instanceProfile),
  ]);
  const meant: Wanted = isFarewell ? { ...wanted, ci: ANYBODY } : wanted;
  const resources = inAccount(desiredResources(selection, meant, role ?? region.instanceProfile), account);
  return { account, clients, pairs: await observe(clients, resources, regionName) };
}

export function comparisonsOf({ pairs }: Survey, { regionName }: Selection): Comparison[] {
  return pairs.map((pair) => compare(pair, regionName));
}

export function farewellsOf({ pairs }: Survey, { regionName }: Selection): Farewell[] {
  return farewells(pairs, regionName);
}

/** The id of the group that is there, for the rules that are added to it. */
export function groupIdOf({ pairs }: Survey): string | null {
  for (const [resource, found] of pairs)
    if (resource.kind === 'security group' && found !== null && 'id' in found) return found.id;
  return null;
}
