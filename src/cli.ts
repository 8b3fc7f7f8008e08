#!/usr/bin/env node
import yargs from 'yargs';
import { commands } from './commands/table.ts';
import { userError } from './io/errors.ts';
import { drainOutput, outputProblem, watchOutput } from './io/output.ts';

/**
 * Parses the command line, runs one verb, and is the only place that ends the process. Handlers import their verb lazily, so that
 * `--help` loads nothing but yargs.
 */
const fail = async (error: unknown): Promise<number> => {
  const { errorAsJson, exitCodeOf, renderError } = await import('./io/render-error.ts');
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(errorAsJson(error))}\n`);
  process.stderr.write(`${renderError(error)}\n`);
  return exitCodeOf(error);
};

const main = async (): Promise<number> => {
  let exitCode = 0;
  const parser = yargs(process.argv.slice(2))
    .scriptName('ecs-host')
    .usage('$0 <verb>\n\nBakes and proves the machine image of a GPU container host for Amazon ECS.')
    .version(false)
    .strict()
    .recommendCommands()
    .demandCommand(1, 'Name a verb.')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? userError('USAGE', message, 'see `ecs-host --help`');
    })
    .epilogue(
      'Exit codes: 0 done, 1 a bug in ecs-host, 2 yours to fix, 3 an outside tool or service failed,\n4 the image failed its verdict, 130 interrupted.',
    );
  for (const command of commands((code) => {
    exitCode = code;
  })) {
    parser.command(command);
  }
  try {
    await parser.parseAsync();
    return exitCode;
  } catch (error) {
    return fail(error);
  }
};

watchOutput();
let exitCode = await main();
await drainOutput();
const problem = outputProblem();
if (problem) {
  const itsCode = await fail(problem);
  if (exitCode === 0) exitCode = itsCode;
  await drainOutput();
}
// Not left to the last open handle: a connection that is kept alive would hold the prompt back.
process.exit(exitCode);
