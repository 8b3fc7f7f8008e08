import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bundle } from '../bundle/bundle.ts';
import { writeWhole } from '../io/write-whole.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { type Build, fastBuild, slowBuild, wholeBuild } from '../plan/layers.ts';
import { writePlan } from '../plan/plan-file.ts';
import { BUNDLE_FILE } from '../plan/provisioning.ts';
import { packBundle } from './pack.ts';
import { renderTemplate } from './template.ts';

export const TEMPLATE_FILE = 'image.pkr.json';
/** What the provisioners leave on the image; plan.json has the same, for programs. */
const PROVISIONED_FILE = 'provisioned.json';

export type Rendered = { readonly folder: string; readonly template: string; readonly planFile: string };

/** Text of provisioned.json, an entry a line. */
function provisionedText({ provisioned }: BuildPlan): string {
  return `[\n${provisioned.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`;
}

/** Text of the template as it is written; golden cases compare it. */
export function templateText(plan: BuildPlan, build = wholeBuild(plan)): string {
  return `${JSON.stringify(renderTemplate(plan, build), null, 2)}\n`;
}

async function renderBuild(plan: BuildPlan, bundle: Bundle, folder: string, build: Build): Promise<string> {
  const template = join(folder, TEMPLATE_FILE);
  await mkdir(folder, { recursive: true });
  await packBundle(bundle, plan, join(folder, BUNDLE_FILE), build);
  await writeWhole(template, templateText(plan, build));
  return template;
}

/** Where template and bundle of a layer are, in the folder of what they are layers of. */
export function layerFolder(folder: string, kind: 'slow' | 'fast'): string {
  return join(folder, `${kind}-layer`);
}

/**
 * Writes plan.json, provisioned.json, the template and the bundle into a folder, each whole or not at all, and template
 * and bundle of both layers where the plan wants them; then the bundle's own folder goes.
 */
export async function renderTo(plan: BuildPlan, bundle: Bundle, folder: string): Promise<Rendered> {
  const planFile = join(folder, 'plan.json');
  if (plan.layers.areWanted) {
    await renderBuild(plan, bundle, layerFolder(folder, 'slow'), slowBuild(plan));
    // Which image that layer is in is known when it is baked, or found.
    await renderBuild(plan, bundle, layerFolder(folder, 'fast'), fastBuild(plan, plan.baseImage.id));
  }
  const template = await renderBuild(plan, bundle, folder, wholeBuild(plan));
  await writeWhole(join(folder, PROVISIONED_FILE), provisionedText(plan));
  await writePlan(planFile, plan);
  await rm(bundle.folder, { recursive: true });
  return { folder, template, planFile };
}
