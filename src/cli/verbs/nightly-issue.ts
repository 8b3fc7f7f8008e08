import { readNights } from '../../nightly/artifacts.ts';
import { applyAction, openIssues, repositoryFrom } from '../../nightly/github.ts';
import { type IssueAction, issueActions, type RunOfCi, type Told } from '../../nightly/issue.ts';
import { itemName } from '../../nightly/items.ts';
import { printResult } from '../json.ts';
import { itemsOf } from './nightly.ts';

/** As GitHub tells a job. */
function runOfCi(): RunOfCi {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id } = process.env;
  const url = server && repository && id ? `${server}/${repository}/actions/runs/${id}` : null;
  return { url, at: new Date().toISOString() };
}

function actionLine(action: IssueAction): string {
  const number = 'number' in action ? ` #${action.number}` : '';
  return `${action.action}${number}  ${itemName(action)}`;
}

/** `ecs-host nightly issue`: one open issue for each item that fails, none for others. */
export async function issue(argv: Record<string, unknown>): Promise<number> {
  const { items } = await itemsOf(argv);
  const nights = await readNights(String(argv['summaries']));
  const outcomes = new Map(nights.flatMap((night) => night.outcomes).map((each) => [itemName(each), each]));
  const told: Told[] = items.map((item) => ({ ...item, outcome: outcomes.get(itemName(item)) ?? null }));
  const repository = repositoryFrom(process.env);
  const actions = issueActions(told, await openIssues(repository), runOfCi());
  if (argv['dryRun'] !== true) for (const action of actions) await applyAction(repository, action);
  printResult(argv['json'] === true, { actions }, actions.map(actionLine));
  return 0;
}
