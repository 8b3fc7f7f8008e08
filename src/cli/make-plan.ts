import { dirname, join, resolve } from 'node:path';
import { type Bundle, buildBundle } from '../bundle/bundle.ts';
import { runFolder } from '../io/paths.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { gatherFacts } from '../plan/facts.ts';
import { resolvePlan, targetOf } from '../plan/resolve.ts';
import type { Connection } from './connect.ts';
import type { Session } from './session.ts';

/** Builds what is carried, asks the region, and resolves: both are needed for the digest. */
export async function makePlan(session: Session, connection: Connection): Promise<{ plan: BuildPlan; bundle: Bundle }> {
  const { selection, loaded, clients, endpointUrl } = connection;
  const { regionName, region, profileName, profile } = selection;
  const target = targetOf(profileName, profile);
  const [bundle, facts] = await Promise.all([
    buildBundle({
      folder: join(runFolder(session.runId), 'bundle'),
      provisioners: target.provisioners,
      wantsStandInAgent: target.ecsAgent.source === 'lab-stand-in',
      hostProgram: profile.hostService ? resolve(dirname(loaded.file), profile.hostService.program) : null,
    }),
    gatherFacts(clients.ec2, {
      region: regionName,
      ownerId: profile.baseImage.ownerId,
      imageName: profile.baseImage.name,
      securityGroup: region.securityGroup,
    }),
  ]);
  const plan = resolvePlan({
    selection,
    facts,
    endpointUrl,
    bundles: bundle.files,
    node: bundle.node,
    warnings: loaded.warnings,
  });
  for (const { code, message, hint } of plan.warnings) {
    session.reporter.emit({
      type: 'warning',
      code: 'CONFIG_WARNING',
      text: `${message} [${code}]`,
      hint,
      details: [{ code, reason: message, hint }],
    });
  }
  return { plan, bundle };
}
