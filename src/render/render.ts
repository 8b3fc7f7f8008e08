import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bundle } from '../bundle/bundle.ts';
import { writeWhole } from '../io/write-whole.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { writePlan } from '../plan/plan-file.ts';
import { BUNDLE_FILE } from '../plan/provisioning.ts';
import { packBundle } from './pack.ts';
import { renderTemplate } from './template.ts';

export const TEMPLATE_FILE = 'image.pkr.json';

export type Rendered = { readonly folder: string; readonly template: string; readonly planFile: string };

/** Text of the template as it is written; golden cases compare it. */
export function templateText(plan: BuildPlan): string {
  return `${JSON.stringify(renderTemplate(plan), null, 2)}\n`;
}

/** Writes plan.json, the template and the bundle into a folder, each whole or not at all. */
export async function renderTo(plan: BuildPlan, bundle: Bundle, folder: string): Promise<Rendered> {
  await mkdir(folder, { recursive: true });
  const template = join(folder, TEMPLATE_FILE);
  const planFile = join(folder, 'plan.json');
  await packBundle(bundle, plan, join(folder, BUNDLE_FILE));
  await writePlan(planFile, plan);
  await writeWhole(template, templateText(plan));
  return { folder, template, planFile };
}
