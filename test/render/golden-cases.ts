import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import type { Facts } from '../../src/plan/facts.ts';
import { resolvePlan, select } from '../../src/plan/resolve.ts';

/** facts.json of a case: what the API and the bundler would have said, and which profile and region are meant. */
type Case = {
  readonly region: string;
  readonly profile: string;
  readonly endpointUrl: string | null;
  readonly facts: Facts;
  readonly bundles: BuildPlan['bundles'];
  readonly node: BuildPlan['node'];
};

export const GOLDEN = join(projectFolder(), 'test', 'golden');

export function goldenCases(): string[] {
  return readdirSync(GOLDEN).sort();
}

/** The plan of a golden case, made offline from the configuration that the project ships. */
export async function goldenPlan(name: string): Promise<BuildPlan> {
  const given = JSON.parse(await readFile(join(GOLDEN, name, 'facts.json'), 'utf8')) as Case;
  const loaded = await loadConfig(join(projectFolder(), 'hosts.yaml'));
  return resolvePlan({
    selection: select(loaded.config, given, 'hosts.yaml'),
    facts: given.facts,
    endpointUrl: given.endpointUrl,
    bundles: given.bundles,
    node: given.node,
    warnings: loaded.warnings,
  });
}
