import { writeFile } from 'node:fs/promises';
import { createAccountClients } from '../../aws/account-clients.ts';
import { findCredentials } from '../../aws/clients.ts';
import { applyEdits } from '../../bootstrap/apply.ts';
import { comparisonsOf, farewellsOf, groupIdOf, type Survey, survey } from '../../bootstrap/bootstrap.ts';
import { cloudFormationTemplate } from '../../bootstrap/cloudformation.ts';
import type { Comparison } from '../../bootstrap/compare.ts';
import { desiredResources, type Wanted } from '../../bootstrap/desired.ts';
import { comparisonLines, farewellLines } from '../../bootstrap/lines.ts';
import { applyFarewells } from '../../bootstrap/remove.ts';
import { loadConfig } from '../../config/load.ts';
import { type EcsHostError, userError } from '../../io/errors.ts';
import { select } from '../../plan/resolve.ts';
import { type BootstrapOptions, bootstrapOptions } from '../bootstrap-options.ts';
import { canAsk, confirm, nobodyToAsk } from '../confirm.ts';
import { type Connection, withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { type CommonArguments, commonArguments, type Session, withSession } from '../session.ts';

/** What is to be done, shown before it is done. */
type Task = {
  readonly lines: readonly string[];
  /** As --json shows it. */
  readonly resources: readonly object[];
  readonly isEmpty: boolean;
  readonly question: string;
  readonly work: () => Promise<readonly string[]>;
};

function clientsMissing(lines: readonly string[]): EcsHostError {
  return userError(
    'CLIENTS_MISSING',
    'Nobody was named whom the hosts let in.',
    'give --clients with the network that your clients come from; 0.0.0.0/0 is everybody',
    lines.map((line) => ({ reason: line.replace(/^\? /, '') })),
  );
}

async function writeTemplate(file: string, args: CommonArguments, wanted: Wanted): Promise<void> {
  const { config, file: from } = await loadConfig(args.configFile);
  const selection = select(config, args, from);
  if (wanted.clients === null) throw clientsMissing([]);
  const template = cloudFormationTemplate(desiredResources(selection, wanted), selection.regionName);
  const text = `${JSON.stringify(template, null, 2)}\n`;
  // Not /dev/stdout: where stdout is a socket, that cannot be opened.
  if (file === '-') process.stdout.write(text);
  else await writeFile(file, text);
  const name = file === '-' ? 'FILE' : file;
  process.stderr.write(
    `\`aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM --template-file ${name} --stack-name ecs-host\` takes it\n`,
  );
}

function makingTask(
  session: Session,
  { selection }: Connection,
  seen: Survey,
  comparisons: readonly Comparison[],
): Task {
  const ofOurs = comparisons.filter(({ verdict }) => verdict !== 'foreign');
  const { regionName } = selection;
  return {
    lines: comparisonLines(comparisons),
    resources: comparisons.map(({ resource: { kind, name }, verdict, edits, notes }) => ({
      kind,
      name,
      verdict,
      difference: edits.map(({ line }) => line),
      notes,
    })),
    isEmpty: ofOurs.every(({ edits }) => edits.length === 0),
    question: `Do this in account ${seen.account.id}?`,
    work: () => {
      const asks = ofOurs.flatMap(({ edits }) => edits.filter(({ op }) => op === 'ask'));
      if (asks.length > 0) throw clientsMissing(asks.map(({ line }) => line));
      return applyEdits(session, seen.clients, comparisons, { regionName, groupId: groupIdOf(seen) });
    },
  };
}

function removingTask(session: Session, { selection }: Connection, seen: Survey): Task {
  const goodbyes = farewellsOf(seen, selection);
  const there = goodbyes.filter(({ verdict }) => verdict !== 'absent');
  return {
    lines: farewellLines(there),
    resources: goodbyes.map(({ resource: { kind, name }, verdict, notes }) => ({ kind, name, verdict, notes })),
    isEmpty: goodbyes.every(({ verdict }) => verdict === 'absent' || verdict === 'foreign'),
    question: `Take this away from account ${seen.account.id}? This is final.`,
    work: () =>
      applyFarewells(session, seen.clients, goodbyes, { pairs: seen.pairs, regionName: selection.regionName }),
  };
}

/** What somebody else made is not mended here, so its lacks are theirs to mend, and told as a mistake. */
function refuseLacks(comparisons: readonly Comparison[]): void {
  const lacking = comparisons.filter(({ verdict, edits }) => verdict === 'foreign' && edits.length > 0);
  if (lacking.length === 0) return;
  throw userError(
    'BOOTSTRAP_FOREIGN',
    'What bootstrap did not make lacks something, and is not changed by it.',
    'mend it with what made it, name another in hosts.yaml, or hand it over by the tag ecs-host:owner=bootstrap',
    lacking.map(({ resource: { kind, name }, edits }) => ({
      where: `${kind} ${name}`,
      reason: `lacks: ${edits.map(({ line }) => line.replace(/^[+~?] /, '')).join(', ')}`,
    })),
  );
}

/** Shows, asks, does. */
async function follow(
  session: Session,
  task: Task,
  how: { readonly json: boolean; readonly dryRun: boolean; readonly yes: boolean },
): Promise<readonly string[]> {
  if (!how.json) process.stdout.write(`${task.lines.join('\n')}${task.lines.length === 0 ? '' : '\n'}`);
  if (task.isEmpty || how.dryRun) return [];
  if (!how.yes) {
    if (!canAsk(how.json)) throw nobodyToAsk('Bootstrap');
    if (!(await confirm(task.question, session.signal)))
      throw userError('NOT_CONFIRMED', 'Nothing was changed.', 'answer y, or give --yes');
  }
  return task.work();
}

/** The account of a region, looked at and then made to fit. */
async function inRegion(
  session: Session,
  connection: Connection,
  args: CommonArguments,
  { wanted, destroy, dryRun, yes }: BootstrapOptions,
): Promise<void> {
  const { selection } = connection;
  using account = createAccountClients(connection, await findCredentials(connection));
  const seen = await session.span('look', () => survey(account, selection, { wanted, isFarewell: destroy }));
  const comparisons = destroy ? [] : comparisonsOf(seen, selection);
  const task = destroy ? removingTask(session, connection, seen) : makingTask(session, connection, seen, comparisons);
  const done = await follow(session, task, { json: args.json, dryRun, yes });
  const summary = task.isEmpty ? 'nothing to do' : dryRun ? 'nothing was changed' : `${done.length} done`;
  const document = { type: 'bootstrap', region: args.region, account: seen.account.id, dryRun, destroy };
  printResult(args.json, { ...document, resources: task.resources, done }, [summary]);
  if (!dryRun) refuseLacks(comparisons);
}

/** `ecs-host bootstrap`: what a region needs of its account, made, checked or taken away. */
export async function bootstrap(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const options = bootstrapOptions(argv);
  if (options.template !== null) {
    await writeTemplate(options.template, args, options.wanted);
    return 0;
  }
  await withSession(
    { ...argv, json: false, plain: true },
    (session) => withConnection(session, args, (connection) => inRegion(session, connection, args, options)),
    { keeps: true },
  );
  return 0;
}
