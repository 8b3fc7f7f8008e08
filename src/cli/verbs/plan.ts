import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { resultWidth } from '../../io/text.ts';
import { writePlan } from '../../plan/plan-file.ts';
import { planSummary, wrapSummary } from '../../plan/summary.ts';
import { renderTo } from '../../render/render.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { makePlan } from '../make-plan.ts';
import { commonArguments, withSession } from '../session.ts';

function outFolder(argv: Record<string, unknown>): string {
  return resolve(typeof argv['out'] === 'string' ? argv['out'] : 'out');
}

/** Results of these verbs are documents, so progress goes to stderr also with --json. */
function quietly(argv: Record<string, unknown>): Record<string, unknown> {
  return { ...argv, json: false, plain: true };
}

export async function plan(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const made = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async (connection) => {
      const { plan: resolved, bundle } = await session.span('plan', () => makePlan(session, connection));
      await rm(bundle.folder, { recursive: true });
      return resolved;
    }),
  );
  const file = join(outFolder(argv), 'plan.json');
  await writePlan(file, made);
  printResult(args.json, made, [...wrapSummary(planSummary(made), resultWidth()), '', `written to ${file}`]);
  return 0;
}

export async function render(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const rendered = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async (connection) => {
      const { plan: made, bundle } = await session.span('plan', () => makePlan(session, connection));
      return session.span('render', () => renderTo(made, bundle, outFolder(argv)));
    }),
  );
  printResult(args.json, rendered, [
    `template  ${rendered.template}`,
    `plan      ${rendered.planFile}`,
    `validate  packer init ${rendered.folder} && packer validate ${rendered.template}`,
  ]);
  return 0;
}
