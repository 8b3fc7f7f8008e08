#!/usr/bin/env node
import packageJson from '../../package.json' with { type: 'json' };
import { drainOutput, outputProblem, watchOutput } from '../io/output.ts';
import { buildParser } from './parser.ts';
import { commands } from './table.ts';
import { usageMistake } from './usage-mistakes.ts';
import { findVerb, splitTyped } from './verb-module.ts';

/**
 * Parses the command line, runs one verb, and is the only place that ends the process. Handlers import their verb
 * lazily, so that `--help` loads nothing but yargs.
 */
async function fail(thrown: unknown, own: readonly string[]): Promise<number> {
  const { explainError } = await import('../io/explain-error.ts');
  const error = explainError(thrown);
  const { errorAsJson, exitCodeOf, renderError } = await import('../io/render-error.ts');
  if (own.includes('--json')) process.stdout.write(`${JSON.stringify(errorAsJson(error))}\n`);
  process.stderr.write(`${renderError(error, { debug: own.includes('--debug') })}\n`);
  return exitCodeOf(error);
}

/** `help image show` is `image show --help`, and the program alone is its help. */
function withHelpVerb(typed: readonly string[]): readonly string[] {
  if (typed.length === 0) return ['--help'];
  return typed[0] === 'help' ? [...typed.slice(1), '--help'] : typed;
}

async function main(): Promise<number> {
  const typed = withHelpVerb(process.argv.slice(2));
  if (['--version', '-V', 'version'].includes(typed[0] ?? '')) {
    process.stdout.write(`ecs-host ${packageJson.version} (Node ${process.version})\n`);
    return 0;
  }
  let code = 0;
  const verbs = commands((itsCode) => {
    code = itsCode;
  });
  if (typed[0] === '--complete') {
    const { answerShell } = await import('./completion/answer.ts');
    process.stdout.write(await answerShell(typed.slice(1), verbs));
    return 0;
  }
  try {
    // yargs would show the help of the program for a verb that it does not know.
    const stray = typed.at(-1) === '--help' ? typed.slice(0, -1)[findVerb(verbs, typed)?.path.length ?? 0] : undefined;
    if (process.argv[2] === 'help' && stray !== undefined)
      throw usageMistake(`Unknown argument: ${stray}`, typed, verbs);
    await buildParser(typed, verbs, Math.min(110, process.stdout.columns ?? 110)).parseAsync();
    return code;
  } catch (error) {
    return fail(error, splitTyped(verbs, typed).own);
  }
}

watchOutput();
let exitCode = await main();
await drainOutput();
const problem = outputProblem();
if (problem) {
  const itsCode = await fail(problem, process.argv);
  if (exitCode === 0) exitCode = itsCode;
  await drainOutput();
}
// Not left to the last open handle: a connection that is kept alive would hold the prompt back.
process.exit(exitCode);
