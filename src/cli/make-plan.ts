import { dirname, resolve } from 'node:path';
import type { TargetConfig } from '#contracts/target-config.ts';
import { type Bundle, buildBundle } from '../bundle/bundle.ts';
import { instanceTypesOf } from '../config/profile-types.ts';
import { bundleFolder } from '../io/paths.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { gatherFacts } from '../plan/facts.ts';
import { resolvePlan, targetOf, transportOf } from '../plan/resolve.ts';
import type { Connection } from './connect.ts';
import type { Session } from './session.ts';

/** A plan, and what it carries in a folder of the run. */
export type Planned = { readonly plan: BuildPlan; readonly bundle: Bundle };

/** What a target carries, built from this checkout into a folder of the run. */
export function bundleFor(session: Session, target: TargetConfig, hostProgram: string | null): Promise<Bundle> {
  return buildBundle({
    folder: bundleFolder(session.runId),
    wantsStandInAgent: target.ecsAgent.source === 'lab-stand-in',
    hostProgram,
  });
}

/** Builds what is carried, asks the region, and resolves: both are needed for the digest. */
export async function makePlan(session: Session, connection: Connection): Promise<Planned> {
  const { selection, loaded, clients, endpointUrl } = connection;
  const { regionName, region, profileName, profile } = selection;
  const hostProgram = profile.hostService ? resolve(dirname(loaded.file), profile.hostService.program) : null;
  const [bundle, facts] = await Promise.all([
    bundleFor(session, targetOf(profileName, profile), hostProgram),
    gatherFacts(clients.ec2, {
      region: regionName,
      ownerId: profile.baseImage.ownerId,
      imageName: profile.baseImage.name,
      securityGroup: region.securityGroup,
      vpcId: region.vpcId ?? null,
      subnetIds: region.subnetIds ?? null,
      instanceTypes: instanceTypesOf(profile),
      transport: transportOf(profile),
    }),
  ]);
  const plan = resolvePlan({
    selection,
    facts,
    endpointUrl,
    bundles: bundle.files,
    node: bundle.node,
    hostProgram,
    warnings: loaded.warnings,
  });
  warn(session, plan);
  return { plan, bundle };
}

export function warn(session: Session, plan: BuildPlan): void {
  for (const { code, message, hint } of plan.warnings)
    session.reporter.emit({
      type: 'warning',
      code: 'CONFIG_WARNING',
      text: `${message} [${code}]`,
      hint,
      details: [{ code, reason: message, hint }],
    });
}
