import { dirname, resolve } from 'node:path';
import type { TargetConfig } from '#contracts/target-config.ts';
import { type BuiltBundle, type Bundle, buildBundle } from '../bundle/bundle.ts';
import { provisionedBy } from '../bundle/provisioned.ts';
import { instanceTypesOf } from '../config/profile-types.ts';
import { allEnded } from '../io/all-ended.ts';
import { bundleFolder } from '../io/paths.ts';
import { askForBaseImage, type LabBaseImage } from '../lab-client/base-image.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { type Facts, gatherFacts } from '../plan/facts.ts';
import { plannedTarget, resolvePlan, targetOf, transportOf } from '../plan/resolve.ts';
import { askStandIns, officialComponents, type StandIns } from '../plan/stand-ins.ts';
import { askPackageLists } from '../plan/versions/package-lists.ts';
import { resolveVersions } from '../plan/versions/resolve-versions.ts';
import { versionSources } from '../plan/versions/sources.ts';
import type { Connection } from './connect.ts';
import type { Session } from './session.ts';

/** A plan, and what it carries in a folder of the run. */
export type Planned = { readonly plan: BuildPlan; readonly bundle: Bundle };

/** What a target carries, built from this checkout into a folder of the run. */
export function bundleFor(session: Session, target: TargetConfig, hostProgram: string | null): Promise<BuiltBundle> {
  return buildBundle({
    folder: bundleFolder(session.runId),
    wantsStandInAgent: target.ecsAgent.source === 'lab-stand-in',
    hostProgram,
  });
}

/**
 * A lab makes the base image of a profile when somebody asks for it: before whoever plans looks for it. What is there
 * takes no time. Null where no lab is asked.
 */
export async function offerBaseImage(
  session: Session,
  { selection, endpointUrl }: Pick<Connection, 'selection' | 'endpointUrl'>,
): Promise<LabBaseImage | null> {
  if (endpointUrl === null) return null;
  const { ownerId, name } = selection.profile.baseImage;
  return askForBaseImage(
    endpointUrl,
    { ownerId, name, sources: session.sources },
    { signal: session.signal, building: (work) => session.span('base image', ({ progress }) => work(progress)) },
  );
}

/** What the region has for a plan of what was selected. */
export function factsFor({ selection, clients }: Connection): Promise<Facts> {
  const { regionName, region, profile } = selection;
  return gatherFacts(clients.ec2, {
    region: regionName,
    ownerId: profile.baseImage.ownerId,
    imageName: profile.baseImage.name,
    securityGroup: region.securityGroup,
    vpcId: region.vpcId ?? null,
    subnetIds: region.subnetIds ?? null,
    instanceTypes: instanceTypesOf(profile),
    transport: transportOf(profile),
  });
}

/** What stands for the real one, as a plan says it. */
function withSubstitution(plan: BuildPlan, offered: LabBaseImage | null): BuildPlan {
  const substitution = offered?.substitution ?? null;
  return substitution === null ? plan : { ...plan, substitutions: [...plan.substitutions, substitution] };
}

/** Told as a step of its own where there is anything to ask: the lab may have to build it first. */
async function standInsFor(
  session: Session,
  target: TargetConfig,
  endpointUrl: string | null,
): Promise<StandIns | null> {
  if (endpointUrl === null || officialComponents(target).length === 0) return null;
  return session.span('parts of the lab', (span) => askStandIns(target, endpointUrl, span.progress));
}

/** Builds what is carried, asks the region, and resolves: both are needed for the digest. */
export async function makePlan(
  session: Session,
  connection: Connection,
  find: () => Promise<Facts> = () => factsFor(connection),
): Promise<Planned> {
  const { selection, loaded, endpointUrl } = connection;
  const { profileName, profile } = selection;
  const hostProgram = profile.hostService ? resolve(dirname(loaded.file), profile.hostService.program) : null;
  const target = targetOf(profileName, profile);
  // First: with it the lab decides which sources it takes.
  const offered = await offerBaseImage(session, connection);
  const asking = standInsFor(session, target, endpointUrl);
  const sources = asking.then((found) => versionSources(endpointUrl, found !== null));
  // What is wrong in hosts.yaml comes before a site that does not answer.
  const [facts, bundle, standIns, versions, packageLists] = await allEnded([
    find(),
    bundleFor(session, target, hostProgram),
    asking,
    sources.then((found) => resolveVersions(target, found)),
    sources.then((found) => askPackageLists(target, found)),
  ]);
  const resolved = resolvePlan({
    selection,
    facts,
    versions,
    packageLists,
    standIns,
    endpointUrl,
    bundles: bundle.files,
    node: bundle.node,
    provisioned: await provisionedBy(bundle, plannedTarget({ selection, versions, standIns })),
    hostProgram,
    configFolder: dirname(loaded.file),
    warnings: loaded.warnings,
  });
  const plan = withSubstitution(resolved, offered);
  warn(session, plan);
  return { plan, bundle };
}

export function warn(session: Session, plan: BuildPlan): void {
  for (const { code, message, hint } of plan.warnings)
    session.reporter.emit(
      code === 'PACKAGE_LISTS_UNKNOWN'
        ? { type: 'warning', code, text: message, hint }
        : {
            type: 'warning',
            code: 'CONFIG_WARNING',
            text: `${message} [${code}]`,
            hint,
            details: [{ code, reason: message, hint }],
          },
    );
}
