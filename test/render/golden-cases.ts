import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import type { Facts } from '../../src/plan/facts.ts';
import { type ResolveInput, resolvePlan, select } from '../../src/plan/resolve.ts';
import type { StandIns } from '../../src/plan/stand-ins.ts';
import type { PackageLists } from '../../src/plan/versions/package-lists.ts';
import type { Versions } from '../../src/plan/versions/resolve-versions.ts';

/** facts.json of a case: what the API and the bundler would have said, and which profile and region are meant. */
type Case = {
  readonly region: string;
  readonly profile: string;
  readonly endpointUrl: string | null;
  readonly facts: Facts;
  readonly versions: Versions;
  readonly packageLists: PackageLists;
  /** Of a lab that stands in for official hosts. */
  readonly standIns?: StandIns;
  readonly bundles: BuildPlan['bundles'];
  readonly node: BuildPlan['node'];
};

/** A few entries: what there really is (test/provisioners/manifest.test.ts) is no matter of how a plan is rendered. */
const PROVISIONED: BuildPlan['provisioned'] = [
  { provisioner: 'base', path: '/etc/apt/apt.conf.d/90ecs-host', kind: 'file', mode: 0o644, sha256: '7'.repeat(64) },
  { provisioner: 'record-versions', path: '/opt/ecs-host/image.json', kind: 'file', rule: 'image-record' },
];

export const GOLDEN = join(projectFolder(), 'test', 'golden');

export function goldenCases(): string[] {
  return readdirSync(GOLDEN).sort();
}

/** What the plan of a golden case is resolved from: the configuration that the project ships, and no API. */
export async function goldenInput(name: string): Promise<ResolveInput> {
  const given = JSON.parse(await readFile(join(GOLDEN, name, 'facts.json'), 'utf8')) as Case;
  const loaded = await loadConfig(join(projectFolder(), 'hosts.yaml'));
  return {
    selection: select(loaded.config, given, 'hosts.yaml'),
    facts: given.facts,
    versions: given.versions,
    packageLists: given.packageLists,
    standIns: given.standIns ?? null,
    endpointUrl: given.endpointUrl,
    bundles: given.bundles,
    node: given.node,
    provisioned: PROVISIONED,
    hostProgram: null,
    configFolder: projectFolder(),
    warnings: loaded.warnings,
  };
}

export async function goldenPlan(name: string): Promise<BuildPlan> {
  return resolvePlan(await goldenInput(name));
}
